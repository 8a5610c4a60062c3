public import RMQCommon

/// One command of the admin tool.
///
/// To add one: a struct in `Commands/` with its options and `run`, a line in ``AdminTool/commands`` (in the reference's order),
/// its recording under `Tests/Golden/admin` and a test. What a command prints is made by a pure `render` beside it.
public protocol AdminCommand: Sendable {
    var name: String { get }
    /// One line, for the list of commands.
    var summary: String { get }
    /// The name that the reference gives the command in failure texts.
    var label: String { get }
    /// Its own options, without ``CommandOption/common``.
    var options: [CommandOption] { get }
    func run(_ options: CommandOptions, in context: CommandContext) async throws(AdminError)
}

extension AdminCommand {
    var usage: String { CommandUsage.text(program: "mqadmin " + name, options: options + CommandOption.common) }
}

/// What a command works with: everything that touches the outside world.
public struct CommandContext: Sendable {
    let cluster: ClusterAccess
    let sender: any MessageSending
    let output: any TextOutput
    let time: LocalTime
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64
    /// Where bodies of messages are put for the person to look at.
    let bodyFolder: String

    init(
        cluster: ClusterAccess, sender: any MessageSending, output: any TextOutput, time: LocalTime,
        now: @escaping @Sendable () -> Int64, bodyFolder: String
    ) {
        self.cluster = cluster
        self.sender = sender
        self.output = output
        self.time = time
        self.now = now
        self.bodyFolder = bodyFolder
    }

    func print(_ text: String) { output.write(text) }

    /// A failure that does not end the command.
    func note(_ error: AdminError) { output.writeError(error.detail + "\n") }
}
