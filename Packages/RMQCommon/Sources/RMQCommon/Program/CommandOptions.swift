/// The options of one call of a program or command, checked against what it declares.
///
/// Written forms: `-t x`, `-tx`, `--topic x`, `--topic=x`, bundled switches (`-ml`). A value may begin with a dash as long as it is not
/// itself a declared option. Of an option given twice the first counts. Words that belong to no option are ``operands``, which most
/// programs and commands ignore.
public struct CommandOptions: Sendable {
    private var values: [Unicode.Scalar: String] = [:]
    /// The words that belong to no option, in their order.
    public let operands: [String]

    /// Why a command line was refused.
    public enum Refusal: Error, Equatable, CustomStringConvertible {
        case unknownOption(String)
        case missingValue(String)
        case missingOption(Unicode.Scalar)
        case alternatives([Unicode.Scalar], given: Int)

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

    /// Reads the words after the program's or the command's name.
    /// - Throws: ``Refusal`` for an option that is not declared, and for one that misses its value or is missing itself.
    public init(_ words: [String], declared: [CommandOption]) throws(Refusal) {
        var reader = WordReader(words: words, declared: declared)
        while let (option, value) = try reader.next() {
            if values[option.short] == nil { values[option.short] = value }
        }
        operands = reader.operands
        for option in declared where option.need == .required && values[option.short] == nil {
            throw .missingOption(option.short)
        }
        let alternatives = declared.filter { $0.need == .oneOfSeveral }.map(\.short)
        let given = alternatives.count { values[$0] != nil }
        if !alternatives.isEmpty && given != 1 { throw .alternatives(alternatives, given: given) }
    }

    /// Whether the option was given.
    public func has(_ short: Unicode.Scalar) -> Bool { values[short] != nil }

    /// The option's value without blanks around it.
    public subscript(short: Unicode.Scalar) -> String? {
        values[short]?.trimmedOfSpace
    }

    /// The value of an option that is declared as required.
    public func required(_ short: Unicode.Scalar) -> String { self[short] ?? "" }
}

/// Cuts words into options and their values.
private struct WordReader {
    private var words: ArraySlice<String>
    private let declared: [CommandOption]
    private var bundled: ArraySlice<Unicode.Scalar> = []
    private(set) var operands: [String] = []

    init(words: [String], declared: [CommandOption]) {
        self.words = words[...]
        self.declared = declared
    }

    mutating func next() throws(CommandOptions.Refusal) -> (CommandOption, String)? {
        if let short = bundled.first { return try bundledOption(short) }
        while let word = words.popFirst() {
            if word.isExactly("--") { break }
            if word.hasBytePrefix("--") { return try longOption(word) }
            if let letters = word.droppingBytePrefix("-"), !letters.isEmpty {
                bundled = Array(letters.unicodeScalars)[...]
                return try bundledOption(bundled[bundled.startIndex])
            }
            operands.append(word)
        }
        operands += words
        words = []
        return nil
    }

    private mutating func longOption(_ word: String) throws(CommandOptions.Refusal) -> (CommandOption, String) {
        let parts = (word.droppingBytePrefix("--") ?? word).split(ascii: "=", most: 1, keepingEmpty: true)
        guard let option = declared.first(where: { $0.long.isExactly(parts[0]) }) else { throw .unknownOption(word) }
        if !option.takesValue {
            guard parts.count == 1 else { throw .unknownOption(word) }
            return (option, "")
        }
        if parts.count == 2 { return (option, parts[1]) }
        return (option, try followingValue(of: option))
    }

    private mutating func bundledOption(_ short: Unicode.Scalar) throws(CommandOptions.Refusal) -> (CommandOption, String) {
        guard let option = declared.first(where: { $0.short == short }) else { throw .unknownOption("-" + text(bundled)) }
        bundled = bundled.dropFirst()
        guard option.takesValue else { return (option, "") }
        if bundled.isEmpty { return (option, try followingValue(of: option)) }
        defer { bundled = [] }
        return (option, text(bundled))
    }

    private func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String { String(String.UnicodeScalarView(scalars)) }

    private mutating func followingValue(of option: CommandOption) throws(CommandOptions.Refusal) -> String {
        guard let word = words.first, !isOption(word) else { throw .missingValue("-\(option.short)") }
        words.removeFirst()
        return word
    }

    private func isOption(_ word: String) -> Bool {
        if let rest = word.droppingBytePrefix("--") {
            let name = rest.cut(atFirst: "=")?.before ?? rest
            return declared.contains { $0.long.isExactly(name) }
        }
        guard let short = word.droppingBytePrefix("-")?.unicodeScalars.first else { return false }
        return declared.contains { $0.short == short }
    }
}
