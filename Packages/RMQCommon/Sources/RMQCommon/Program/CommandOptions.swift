/// The options of one call of a program or command, checked against what it declares.
///
/// Written forms: `-t x`, `-tx`, `--topic x`, `--topic=x`, bundled switches (`-ml`). A value may begin with a dash as long as it is not
/// itself a declared option. Of an option given twice the first counts. Words that belong to no option are ignored.
public struct CommandOptions: Sendable {
    private var values: [Character: String] = [:]

    /// Why a command line was refused.
    public enum Refusal: Error, Equatable, CustomStringConvertible {
        case unknownOption(String)
        case missingValue(String)
        case missingOption(Character)
        case alternatives([Character], given: Int)

        public var description: String {
            switch self {
            case .unknownOption(let word): "there is no option \(word)"
            case .missingValue(let option): "\(option) needs a value"
            case .missingOption(let option): "-\(option) is missing"
            case .alternatives(let options, let given):
                "one of \(options.map { "-\($0)" }.joined(separator: ", ")) is needed, \(given) are given"
            }
        }
    }

    public init(_ words: [String], declared: [CommandOption]) throws(Refusal) {
        var reader = WordReader(words: words, declared: declared)
        while let (option, value) = try reader.next() {
            if values[option.short] == nil { values[option.short] = value }
        }
        for option in declared where option.need == .required && values[option.short] == nil {
            throw .missingOption(option.short)
        }
        let alternatives = declared.filter { $0.need == .oneOfSeveral }.map(\.short)
        let given = alternatives.count { values[$0] != nil }
        if !alternatives.isEmpty && given != 1 { throw .alternatives(alternatives, given: given) }
    }

    /// Whether the option was given.
    public func has(_ short: Character) -> Bool { values[short] != nil }

    /// The option's value without blanks around it.
    public subscript(short: Character) -> String? {
        guard var value = values[short]?.drop(while: \.isWhitespace) else { return nil }
        while value.last?.isWhitespace == true { value.removeLast() }
        return String(value)
    }

    /// The value of an option that is declared as required.
    public func required(_ short: Character) -> String { self[short] ?? "" }
}

/// Cuts words into options and their values.
private struct WordReader {
    private var words: ArraySlice<String>
    private let declared: [CommandOption]
    private var bundled: ArraySlice<Character> = []

    init(words: [String], declared: [CommandOption]) {
        self.words = words[...]
        self.declared = declared
    }

    mutating func next() throws(CommandOptions.Refusal) -> (CommandOption, String)? {
        if let short = bundled.first { return try bundledOption(short) }
        while let word = words.popFirst() {
            if word == "--" { return nil }
            if word.hasPrefix("--") { return try longOption(word) }
            if word.hasPrefix("-") && word.count > 1 {
                bundled = Array(word.dropFirst())[...]
                return try bundledOption(bundled[bundled.startIndex])
            }
        }
        return nil
    }

    private mutating func longOption(_ word: String) throws(CommandOptions.Refusal) -> (CommandOption, String) {
        let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let option = declared.first(where: { $0.long == parts[0] }) else { throw .unknownOption(word) }
        if !option.takesValue {
            guard parts.count == 1 else { throw .unknownOption(word) }
            return (option, "")
        }
        if parts.count == 2 { return (option, String(parts[1])) }
        return (option, try followingValue(of: option))
    }

    private mutating func bundledOption(_ short: Character) throws(CommandOptions.Refusal) -> (CommandOption, String) {
        guard let option = declared.first(where: { $0.short == short }) else { throw .unknownOption("-" + String(bundled)) }
        bundled = bundled.dropFirst()
        guard option.takesValue else { return (option, "") }
        if bundled.isEmpty { return (option, try followingValue(of: option)) }
        defer { bundled = [] }
        return (option, String(bundled))
    }

    private mutating func followingValue(of option: CommandOption) throws(CommandOptions.Refusal) -> String {
        guard let word = words.first, !isOption(word) else { throw .missingValue("-\(option.short)") }
        words.removeFirst()
        return word
    }

    private func isOption(_ word: String) -> Bool {
        guard word.hasPrefix("-") else { return false }
        if word.hasPrefix("--") {
            let name = word.dropFirst(2).prefix { $0 != "=" }
            return declared.contains { $0.long == name }
        }
        guard let short = word.dropFirst().first else { return false }
        return declared.contains { $0.short == short }
    }
}
