/// The arguments of `mqnamesrv`, read the way the reference's POSIX parser does: `-c file`, `-cfile`, `-hp`,
/// `--configFile file`, `--configFile=file`, and a long name cut short while it stays unique.
struct Arguments: Equatable {
    var configFile: String?
    /// Accepted and without effect, as at the reference.
    var namesrvAddr: String?
    var printsConfiguration = false
    var asksForHelp = false

    private struct Option {
        let letter: Character
        let name: String
        let takesValue: Bool
        let help: String
    }

    private static let options = [
        Option(letter: "c", name: "configFile", takesValue: true, help: "Name server config properties file"),
        Option(letter: "h", name: "help", takesValue: false, help: "Print help"),
        Option(letter: "n", name: "namesrvAddr", takesValue: true, help: "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'"),
        Option(letter: "p", name: "printConfigItem", takesValue: false, help: "Print all config items"),
    ]

    init() {}

    /// nil when an option is unknown or lacks its argument.
    init?(_ words: [String]) {
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--" { return }
            if word.hasPrefix("--") {
                let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let matches = Self.options.filter { $0.name.hasPrefix(parts[0]) }
                guard matches.count == 1, !parts[0].isEmpty else { return nil }
                guard set(matches[0], attached: parts.count > 1 ? String(parts[1]) : nil, &rest) else { return nil }
            } else if word.hasPrefix("-"), word.count > 1 {
                guard readLetters(word.dropFirst(), &rest) else { return nil }
            }
        }
    }

    /// `-hp`, `-cfile`, `-c file`.
    private mutating func readLetters(_ letters: Substring, _ rest: inout ArraySlice<String>) -> Bool {
        var letters = letters
        while let letter = letters.popFirst() {
            guard let option = Self.options.first(where: { $0.letter == letter }) else { return false }
            if option.takesValue {
                return set(option, attached: letters.isEmpty ? nil : String(letters), &rest)
            }
            guard set(option, attached: nil, &rest) else { return false }
        }
        return true
    }

    private mutating func set(_ option: Option, attached: String?, _ rest: inout ArraySlice<String>) -> Bool {
        guard option.takesValue else {
            if option.letter == "h" { asksForHelp = true } else { printsConfiguration = true }
            return attached == nil
        }
        guard let value = attached ?? rest.popFirst() else { return false }
        if option.letter == "c" { configFile = value } else { namesrvAddr = value }
        return true
    }

    /// The usage text, as the reference prints it.
    static var usage: String {
        let lines = options.map { option in
            (names: " -\(option.letter),--\(option.name)" + (option.takesValue ? " <arg>" : ""), help: option.help)
        }
        let width = (lines.map(\.names.count).max() ?? 0) + 3
        return "usage: mqnamesrv [-c <arg>] [-h] [-n <arg>] [-p]\n"
            + lines.map { $0.names + String(repeating: " ", count: width - $0.names.count) + $0.help + "\n" }.joined()
    }
}
