@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

func withNameServers(_ count: Int, _ body: ([FakeNameServer]) async throws -> Void) async throws {
    let servers = try (0..<count).map { _ in try FakeNameServer() }
    defer { for server in servers { server.stop() } }
    try await body(servers)
}

/// Keeps what it is told; it may be silent, refuse, or have an order configuration.
final class FakeNameServer: Sendable {
    struct Registration: Sendable {
        let header: RegisterBrokerHeader
        let body: RegisterBrokerBody
        let bytes: [UInt8]
    }

    private struct State {
        var server: RemotingServer
        var registrations: [Registration] = []
        var codes: [RequestCode] = []
        var topics: [ByteText: TopicConfig] = [:]
        var isSilent = false
        var refusals = 0
        var refusal = "not now"
        var accounts: Set<ByteText> = []
        var order: [ByteText: String]?
        var underWay = 0
        var mostAtOnce = 0

        /// As a name server does: another version than that of the last registration is news.
        func compareVersion(_ command: RemotingCommand) throws -> RemotingCommand {
            let known = registrations.last?.body.topicConfigTable.dataVersion
            let isChanged = known != (try DataVersion(body: command.body))
            var response = RemotingCommand.response(.success, header: QueryDataVersionResponseHeader(isChanged: isChanged))
            response.body = known?.body ?? []
            return response
        }
    }
    private let state: Mutex<State?> = Mutex(nil)
    private let loops = EventLoopGroup(count: 1, name: "test-namesrv")

    init() throws {
        try start(port: 0)
    }

    private func start(port: UInt16) throws {
        let server = RemotingServer(configuration: ServerConfiguration(listenAddress: "127.0.0.1", port: port), loops: loops, logger: quiet) { _ in
            Handler(owner: self)
        }
        try server.start()
        state.withLock { $0 = State(server: server) }
    }

    var address: String { state.withLock { "127.0.0.1:\($0?.server.port ?? 0)" } }
    var registrations: [Registration] { state.withLock { $0?.registrations ?? [] } }
    var codes: [RequestCode] { state.withLock { $0?.codes ?? [] } }
    var leaves: Int { codes.count { $0 == .unregisterBroker } }
    var topics: [ByteText: TopicConfig] { state.withLock { $0?.topics ?? [:] } }
    var mostAtOnce: Int { state.withLock { $0?.mostAtOnce ?? 0 } }
    var isSilent: Bool {
        get { state.withLock { $0?.isSilent ?? false } }
        set { state.withLock { $0?.isSilent = newValue } }
    }
    var refusals: Int {
        get { state.withLock { $0?.refusals ?? 0 } }
        set { state.withLock { $0?.refusals = newValue } }
    }
    /// The remark of a refusal.
    var refusal: String {
        get { state.withLock { $0?.refusal ?? "" } }
        set { state.withLock { $0?.refusal = newValue } }
    }
    /// Who signed what came.
    var accounts: Set<ByteText> { state.withLock { $0?.accounts ?? [] } }
    var order: [ByteText: String]? {
        get { state.withLock { $0?.order } }
        set { state.withLock { $0?.order = newValue } }
    }

    /// Forgets everything and listens on the same port again.
    func restart() throws {
        let server = state.withLock { $0!.server }
        let port = server.port
        server.stop()
        try start(port: port)
    }

    func stop() {
        state.withLock { $0?.server }?.stop()
        loops.stop()
    }

    /// What to answer, a moment later so that requests that are sent at once are seen at once; nil for nothing.
    fileprivate func take(_ command: RemotingCommand) throws -> RemotingCommand? {
        let registration: Registration?
        if command.requestCode == .registerBroker {
            let header = try command.header(RegisterBrokerHeader.self)
            let body = header.isCompressed ? try RegisterBrokerBody(compressed: command.body) : try RegisterBrokerBody(body: command.body)
            registration = Registration(header: header, body: body, bytes: command.body)
        } else {
            registration = nil
        }
        return state.withLock { current in
            guard var state = current else { return nil }
            defer { current = state }
            state.codes.append(command.requestCode)
            if let account = command.fields?["AccessKey"] { state.accounts.insert(ByteText(account)) }
            if state.isSilent { return nil }
            if command.requestCode == .queryDataVersion { return try? state.compareVersion(command) }
            guard let registration else { return .response(.success) }
            state.underWay += 1
            state.mostAtOnce = max(state.mostAtOnce, state.underWay)
            if state.refusals > 0 {
                state.refusals -= 1
                return .response(.systemError, remark: state.refusal)
            }
            state.registrations.append(registration)
            state.topics.merge(registration.body.topicConfigTable.topics) { $1 }
            // A slave is told where its master is.
            if registration.header.brokerId > 0 {
                let master = state.registrations.last { $0.header.brokerId == 0 && $0.header.brokerName.isExactly(registration.header.brokerName) }
                var header = RegisterBrokerResponseHeader()
                header.masterAddress = master?.header.brokerAddress
                header.haServerAddress = master?.header.haServerAddress
                return .response(.success, header: header)
            }
            return .response(.success, body: state.order.map { KeyValueTable($0).body } ?? [])
        }
    }

    fileprivate func answered() { state.withLock { $0?.underWay -= 1 } }

    private final class Handler: RequestHandler {
        private let owner: FakeNameServer
        init(owner: FakeNameServer) { self.owner = owner }

        func receive(_ request: InboundFrame, on connection: Connection) {
            do {
                let command = try request.command()
                guard let response = try owner.take(command) else { return }
                let reply = connection.replyHandle(for: request)
                connection.loop.scheduleLocally(after: .milliseconds(2)) { [owner] in
                    if command.requestCode == .registerBroker { owner.answered() }
                    reply.complete(response)
                }
            } catch {
                Issue.record(error)
                connection.close()
            }
        }

        func connectionClosed(_ connection: Connection) {}
        func wakeUpEnded() {}
    }
}
