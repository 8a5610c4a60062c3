import RMQCommon

/// What every command takes beyond those of the reference, wherever it stands among the words.
struct ToolOptions: Sendable {
    /// `--json`: what is shown is one line of JSON instead of a table, of an endless command one line an event.
    var showsJSON = false
    /// `--exit-code`: a command that failed, or failed in part, ends with ``AdminTool/failed`` instead of the reference's 0.
    var tellsFailure = false

    /// What every command takes.
    static let names = ["--json", "--exit-code"]

    /// Takes the two out of the words of a command line. A word that is the value of an option, or stands behind `--`, stays.
    /// - Parameter declared: the options of the command.
    init(takenFrom words: inout [String], declared: [CommandOption]) {
        var kept: [String] = []
        var isValue = false
        for (index, word) in words.enumerated() {
            if !isValue, word.isExactly("--") {
                kept += words[index...]
                break
            }
            if !isValue, word.isExactly("--json") {
                showsJSON = true
            } else if !isValue, word.isExactly("--exit-code") {
                tellsFailure = true
            } else {
                kept.append(word)
                isValue = !isValue && Self.awaitsValue(word, declared)
            }
        }
        words = kept
    }

    /// Whether the next word is the value of the option that ends this one: `-t`, `-lt`, `--topic`; not `-tOrders` nor `--topic=Orders`.
    private static func awaitsValue(_ word: String, _ declared: [CommandOption]) -> Bool {
        if let long = word.droppingBytePrefix("--") { return declared.contains { $0.takesValue && $0.long.isExactly(long) } }
        guard var letters = word.droppingBytePrefix("-")?.unicodeScalars[...] else { return false }
        while let letter = letters.popFirst(), let option = declared.first(where: { $0.short == letter }) {
            if option.takesValue { return letters.isEmpty }
        }
        return false
    }

    static let help = """
        Every command also takes:
          --json        a line of JSON in place of the table, for scripts; of an
                        endless command a line an event
          --exit-code   end with 2 when the command failed, and with 1 when its
                        options are wrong; without it a failure ends with 0

        """
}
