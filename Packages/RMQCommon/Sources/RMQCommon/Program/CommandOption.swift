/// One option of a program or of a command, as the reference names it: `-t,--topic <arg>`.
public struct CommandOption: Sendable, Equatable {
    /// The letter behind one dash.
    public let short: Unicode.Scalar
    /// The word behind two dashes.
    @ByteText public private(set) var long: String
    /// What the usage prints beside it.
    public let text: String
    /// False for a switch.
    public let takesValue: Bool
    /// Whether it has to be given.
    public let need: Need

    /// Whether the option must be given.
    public enum Need: Sendable, Equatable {
        case optional
        case required
        /// Exactly one of all options of this kind must be given; shown as `-b <arg> | -c <arg>`.
        case oneOfSeveral
    }

    /// An option with a value, which may be left out unless `need` says otherwise.
    public init(_ short: Unicode.Scalar, _ long: String, _ text: String, takesValue: Bool = true, need: Need = .optional) {
        self.short = short
        self.long = long
        self.text = text
        self.takesValue = takesValue
        self.need = need
    }

    /// A switch without a value.
    public static func flag(_ short: Unicode.Scalar, _ long: String, _ text: String) -> CommandOption {
        CommandOption(short, long, text, takesValue: false)
    }

    /// An option that must be given.
    public static func required(_ short: Unicode.Scalar, _ long: String, _ text: String) -> CommandOption {
        CommandOption(short, long, text, need: .required)
    }

    /// One of the options of which exactly one must be given.
    public static func oneOf(_ short: Unicode.Scalar, _ long: String, _ text: String) -> CommandOption {
        CommandOption(short, long, text, need: .oneOfSeveral)
    }

    /// The two options that every program and every admin command has.
    public static let common: [CommandOption] = [
        .flag("h", "help", "Print help"),
        CommandOption("n", "namesrvAddr", "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'"),
    ]
}
