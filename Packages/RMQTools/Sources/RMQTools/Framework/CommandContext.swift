import RMQClient
import RMQCommon
import Synchronization

/// What a command works with: everything that touches the outside world.
struct CommandContext: Sendable {
    let admin: Admin
    /// Asks other name servers than those of ``admin``, in the same name.
    let adminOf: @Sendable (_ nameServers: [String]) throws(ClientError) -> Admin
    /// In whose name the commands ask, and over which connections.
    let access: ToolsAccess
    let sender: any MessageSending
    let output: any TextOutput
    let time: LocalTime
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64
    /// Waits; tests let it pass at once, or throw to end an endless command.
    var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    /// Where bodies of messages are put for the person to look at.
    let bodyFolder: String
    /// Where a command puts files whose place nobody chose.
    let workFolder: String
    var showsJSON = false
    /// What became of the command so far.
    let outcome = CommandOutcome()

    /// What a command says that is no answer to a question: that something was done, a heading, a warning.
    ///
    /// With `--json` these are gathered into `{"messages": […]}`, unless the command shows something.
    func print(_ text: String) {
        if showsJSON { outcome.say(text) } else { write(text) }
    }

    /// Headings and lines between parts, which JSON does not have.
    func printHeading(_ text: String) {
        if !showsJSON { write(text) }
    }

    /// What the person asked for: the reference's text or, with `--json`, the same facts on one line of JSON.
    func show(_ json: @autoclosure () -> JSONValue, text: @autoclosure () -> String) {
        guard showsJSON else { return write(text()) }
        outcome.shown()
        output.write(json().text(.standard) + "\n")
    }

    /// Something is wrong that the reference tells on standard output and then goes on, as if all were well.
    func complain(_ text: String) {
        outcome.fail()
        if showsJSON { output.writeError(TerminalText.escapedLines(text) + (text.hasByteSuffix("\n") ? "" : "\n")) } else { write(text) }
    }

    /// A failure that does not end the command.
    func note(_ error: any Error) {
        outcome.fail()
        output.writeError(TerminalText.escapedLines(FailureText(error).detail) + "\n")
    }

    /// Names, bodies and remarks come from anybody who may write to the cluster: none of them may steer the terminal of who reads them.
    /// Files and pipes get every byte.
    private func write(_ text: String) {
        output.write(output.width == nil ? text : TerminalText.escapedLines(text))
    }

    /// How far long work is, on a terminal only.
    /// - Parameter what: what is counted, in plural: "messages".
    /// - Parameter total: how many there will be; nil when nobody knows.
    func progress(_ what: String, total: Int?) -> WorkProgress { WorkProgress(what, total: total, output: output) }

    /// How far a long listing is; nil where its lines go to a terminal and tell themselves.
    func listingProgress(_ what: String, total: Int64) -> WorkProgress? {
        output.width == nil ? progress(what, total: Int(clamping: total)) : nil
    }

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
        if brokers == nil { complain(CommandFailure.unknownClusterText) }
        return brokers
    }
}

/// What became of a command: whether something failed, and what is still to be told as JSON.
final class CommandOutcome: Sendable {
    private struct State {
        var hasFailed = false
        var hasShown = false
        var said = ""
    }

    private let state = Mutex(State())

    var hasFailed: Bool { state.withLock { $0.hasFailed } }
    /// Whether a message waits for the end.
    var hasSaid: Bool { state.withLock { !$0.said.isEmpty } }

    func fail() { state.withLock { $0.hasFailed = true } }
    func shown() { state.withLock { $0.hasShown = true } }
    func say(_ text: String) { state.withLock { $0.said += text } }

    /// What a command said that had nothing to show; nil when it showed something.
    var messages: JSONValue? {
        state.withLock { state in
            guard !state.hasShown else { return nil }
            return ["messages": .array(state.said.split(ascii: "\n").map { .string($0) })]
        }
    }
}
