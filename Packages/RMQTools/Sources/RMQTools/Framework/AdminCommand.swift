import RMQClient
import RMQCommon

/// One command of the admin tool.
///
/// To add one: a struct in `Commands/` with its options and `run`, a line in ``AdminTool/commands`` (in the reference's order),
/// its recording under `Tests/Golden/admin` and a test. What it asks is a call of ``Admin``; what it prints is made by a pure `render`
/// beside it.
protocol AdminCommand: Sendable {
    var name: String { get }
    /// Another name that calls it; nil for none.
    var alias: String? { get }
    /// One line, for the list of commands.
    var summary: String { get }
    /// The name that the reference gives the command in failure texts.
    var label: String { get }
    /// Its own options, without ``CommandOption/common``.
    var options: [CommandOption] { get }
    /// - Throws: ``ClientError`` for what a server did, ``CommandFailure`` for all else.
    func run(_ options: CommandOptions, in context: CommandContext) async throws
}

extension AdminCommand {
    var alias: String? { nil }
    var usage: String { CommandUsage.text(program: "mqadmin " + name, options: options + CommandOption.common) }
}

/// What a command works with: everything that touches the outside world.
struct CommandContext: Sendable {
    let admin: Admin
    /// In whose name the commands ask, and over which connections.
    let access: ToolsAccess
    let sender: any MessageSending
    let output: any TextOutput
    let time: LocalTime
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64
    /// Where bodies of messages are put for the person to look at.
    let bodyFolder: String

    func print(_ text: String) { output.write(text) }

    /// A failure that does not end the command.
    func note(_ error: any Error) { output.writeError(FailureText(error).detail + "\n") }

    /// Asks for a change. Its refusal is told without the broker, as the reference does.
    func change<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ClientError {
            guard let code = error.responseCode else { throw error }
            throw CommandFailure.coded(code, remark: error.remark ?? "")
        }
    }

    /// The addresses of a cluster's masters. Of an unknown cluster the reference complains on standard output, without a line feed, and goes on
    /// with no broker at all.
    func masters(ofCluster cluster: String) async throws -> [String] {
        try await brokersOrComplaint(ofCluster: cluster)?.compactMap(\.masterAddress) ?? []
    }

    /// Brokers of a cluster by name; nil, after the complaint, when there is no such cluster.
    func brokersOrComplaint(ofCluster name: String) async throws -> [BrokerData]? {
        let brokers = try await admin.clusterInfo().brokers(ofCluster: name)
        if brokers == nil {
            print("[error] Make sure the specified clusterName exists or the name server connected to is correct.")
        }
        return brokers
    }
}
