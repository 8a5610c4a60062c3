/// Which version of this project a program is.
public enum ProgramVersion {
    /// By semantic versioning. The one place of the number: `Tools/distribution` names archive and package by this line.
    public static let text = "0.9.0"

    /// What `--version` prints, without a line feed: `mqbroker 0.9.0 (for clients, files and configuration of RocketMQ 4.9.8)`.
    public static func line(of program: String) -> String { "\(program) \(text) (for clients, files and configuration of RocketMQ 4.9.8)" }

    /// For a program whose first word is a command: answers `--version` in its place.
    /// - Parameter words: the command line without the program's name.
    /// - Returns: whether that was asked for, and the program is done.
    public static func answers(_ words: [String], program: String) -> Bool {
        guard words.count == 1, words[0].isExactly("--version") else { return false }
        Console.write(line(of: program) + "\n")
        return true
    }
}

extension CommandOption {
    /// `--version` of a program that has options alone.
    public static let version = CommandOption.flag("v", "version", "Print the version")
    /// `-t` of a server: looks at its configuration instead of starting.
    public static let testConfig = CommandOption.flag("t", "testConfig", "Check the configuration and exit")
}
