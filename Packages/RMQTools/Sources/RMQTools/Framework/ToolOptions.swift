import RMQCommon

/// What every command takes beyond those of the reference, wherever it stands among the words.
struct ToolOptions: Sendable {
    /// `--json`: what is shown is one line of JSON instead of a table, of an endless command one line an event.
    var showsJSON = false
    /// `--exit-code`: a command that failed, or failed in part, ends with ``AdminTool/failed`` instead of the reference's 0.
    var tellsFailure = false

    /// Takes the two out of the words of a command line.
    init(takenFrom words: inout [String]) {
        words.removeAll { word in
            if word.isExactly("--json") { showsJSON = true } else if word.isExactly("--exit-code") { tellsFailure = true } else { return false }
            return true
        }
    }

    static let help = """
        Every command also takes:
          --json        one line of JSON in place of the table, for scripts (of an endless command: one line an event)
          --exit-code   end with 2 when the command failed, with 1 when its options are wrong (without it a failure ends with 0, as ever)

        """
}
