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
        var lines = wrap(synopsis(program: program, sorted: sorted), indent: "usage: ".count)
        let heads = sorted.map { " -\($0.short),--\($0.long)" + ($0.takesValue ? " <arg>" : "") }
        let column = (heads.map(\.count).max() ?? 0) + 3
        for (head, option) in zip(heads, sorted) {
            lines += wrap(head + String(repeating: " ", count: column - head.count) + option.text, indent: column)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func sortedByName(_ options: [CommandOption]) -> [CommandOption] {
        options.sorted { $0.short.lowercased() < $1.short.lowercased() }
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
        var rest = Array(text)
        var lines: [String] = []
        while rest.count > width, let blank = rest[...width].lastIndex(of: " "), blank > indent {
            lines.append(withoutTrailingBlanks(rest[..<blank]))
            rest = Array(repeating: " ", count: indent) + rest[blank...].drop { $0 == " " }
        }
        lines.append(withoutTrailingBlanks(rest[...]))
        return lines
    }

    private static func withoutTrailingBlanks(_ characters: ArraySlice<Character>) -> String {
        var characters = characters
        while characters.last == " " { characters.removeLast() }
        return String(characters)
    }
}
