/// The usage of a program or command, laid out as the reference prints it.
///
///     usage: mqadmin topicRoute [-h] [-l] [-n <arg>] -t <arg>
///      -h,--help                Print help
///      -l,--list                Use list format to print data
///
/// Options are sorted by short name ignoring case; lines wrap at 110 columns.
public enum CommandUsage {
    private static let width = 110

    /// The whole text, with a final line feed.
    /// - Parameter program: with its command, if it has commands: `mqadmin topicRoute`.
    public static func text(program: String, options: [CommandOption]) -> String {
        let sorted = sortedByName(options)
        var lines = wrap(synopsis(program: program, sorted: sorted), indent: "usage: ".utf8.count)
        let heads = sorted.map { " -\($0.short),--\($0.long)" + ($0.takesValue ? " <arg>" : "") }
        let column = (heads.map(\.utf8.count).max() ?? 0) + 3
        for (head, option) in zip(heads, sorted) {
            lines += wrap(head + String(repeating: " ", count: column - head.utf8.count) + option.text, indent: column)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func sortedByName(_ options: [CommandOption]) -> [CommandOption] {
        options.sorted { $0.short.properties.lowercaseMapping.utf8.lexicographicallyPrecedes($1.short.properties.lowercaseMapping.utf8) }
    }

    /// The options of a group of alternatives stand together where the first of them sorts; the others leave an empty place,
    /// hence the double blank after a group.
    private static func synopsis(program: String, sorted: [CommandOption]) -> String {
        let alternatives = sorted.filter { $0.need == .oneOfSeveral }
        var places: [String] = []
        for option in sorted {
            switch option.need {
            case .optional: places.append("[" + invocation(option) + "]")
            case .required: places.append(invocation(option))
            case .oneOfSeveral:
                let isFirst = option.short == alternatives.first?.short
                places.append(isFirst ? alternatives.map(invocation).joined(separator: " | ") : "")
            }
        }
        return "usage: \(program) " + places.joined(separator: " ")
    }

    private static func invocation(_ option: CommandOption) -> String {
        "-\(option.short)" + (option.takesValue ? " <arg>" : "")
    }

    /// Breaks a line at the last blank within the width; what follows is indented.
    private static func wrap(_ text: String, indent: Int) -> [String] {
        var rest = Array(text.utf8)
        var lines: [String] = []
        while rest.count > width, let blank = rest[...width].lastIndex(of: UInt8(ascii: " ")), blank > indent {
            lines.append(withoutTrailingBlanks(rest[..<blank]))
            rest = Array(repeating: UInt8(ascii: " "), count: indent) + rest[blank...].drop { $0 == UInt8(ascii: " ") }
        }
        lines.append(withoutTrailingBlanks(rest[...]))
        return lines
    }

    private static func withoutTrailingBlanks(_ line: ArraySlice<UInt8>) -> String {
        var line = line
        while line.last == UInt8(ascii: " ") { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }
}
