import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// A name server and brokers that keep nothing on disk and behave as a test wants them to.
///
/// What they are asked is kept, in order. A topic has the same number of queues at every broker.
final class FakeCluster: Sendable {
    /// What a server does with a request.
    enum Behaviour: Sendable {
        case usual
        /// Does what it usually does, and answers that much later.
        case late(Duration)
        case silent
        case answer(RemotingCommand)
    }

    typealias Script = @Sendable (_ broker: String, _ command: RemotingCommand) -> Behaviour

    struct Asked: Sendable {
        let server: String
        let command: RemotingCommand
    }

    struct State: Sendable {
        var topics: [String: Int32]
        var messages: [MessageQueue: [StoredMessage]] = [:]
        var offsets: [MessageQueue: Int64] = [:]
        /// Client ids of every group; nil stands for those who sent a heartbeat.
        var members: [String]?
        var clients: Set<String> = []
        /// Who holds the lock of a queue, by client id.
        var locks: [MessageQueue: String] = [:]
        /// Where the next message lies in the commit log.
        var nextPhysicalOffset: Int64 = 0
        /// The connection over which a client last sent a heartbeat, by server and client id.
        var connections: [String: ConnectionHandle] = [:]
        /// Messages that were sent.
        var sentCount: Int64 = 0
        var asked: [Asked] = []
        var script: Script
    }

    static let nameServer = "name server"
    let state: Mutex<State>
    private let loops = EventLoopGroup(count: 1, name: "fake")
    private let servers = Mutex<[String: RemotingServer]>([:])
    private let ports = Mutex<[String: UInt16]>([:])

    init(brokers: [String] = ["a"], topics: [String: Int32] = ["T": 1], script: @escaping Script = { _, _ in .usual }) throws {
        state = Mutex(State(topics: topics, script: script))
        for name in brokers + [Self.nameServer] { try start(name) }
    }

    /// Starts a server, on the port that it had before.
    func start(_ name: String) throws {
        let configuration = ServerConfiguration(port: ports.withLock { $0[name] ?? 0 })
        let server = RemotingServer(configuration: configuration, loops: loops, logger: .silent) { _ in
            FakeHandler { [weak self] command, connection in await self?.receive(command, at: name, over: connection) }
        }
        try server.start()
        ports.withLock { $0[name] = server.port }
        servers.withLock { $0[name] = server }
    }

    func stop(_ name: String) { servers.withLock { $0.removeValue(forKey: name) }?.stop() }

    func stopAll() {
        for name in servers.withLock({ Array($0.keys) }) { stop(name) }
        loops.stop()
    }

    func address(of name: String) -> String { "127.0.0.1:\(ports.withLock { $0[name] ?? 0 })" }
    var connectionCount: Int { servers.withLock { $0.values.reduce(0) { $0 + $1.connectionCount } } }

    // MARK: What tests look at and change

    /// Changes how servers behave from now on.
    func behave(_ script: @escaping Script) { state.withLock { $0.script = script } }

    func asked(_ code: RequestCode, of server: String? = nil) -> [RemotingCommand] {
        state.withLock { state in
            state.asked.filter { $0.command.requestCode == code && (server == nil || $0.server == server) }.map(\.command)
        }
    }

    func offset(of queue: MessageQueue) -> Int64? { state.withLock { $0.offsets[queue] } }

    /// The connection over which a client last sent a heartbeat to `server`.
    private func connection(to client: String, at server: String) throws -> ConnectionHandle {
        try #require(state.withLock { $0.connections["\(server) \(client)"] }, "\(client) sent no heartbeat to \(server)")
    }

    /// Asks a client that sent a heartbeat, as a broker does.
    func ask(_ command: RemotingCommand, of client: String, at server: String = "a") async throws -> RemotingCommand {
        try await connection(to: client, at: server).request(command, timeout: .generous)
    }

    /// As `ask`, without an answer.
    func tell(_ command: RemotingCommand, to client: String, at server: String = "a") throws {
        try connection(to: client, at: server).sendOneway(command)
    }

    /// Closes the connection of a client.
    func hangUp(on client: String, at server: String = "a") throws { try connection(to: client, at: server).close() }

    /// Puts messages into a queue of broker `a`.
    func fill(_ topic: String, queue id: Int32 = 0, with bodies: [String]) {
        let queue = MessageQueue(topic: topic, brokerName: "a", queueId: id)
        state.withLock { state in
            for body in bodies {
                let offset = Int64(state.messages[queue]?.count ?? 0)
                state.messages[queue, default: []].append(StoredMessage(
                    topic: topic, body: Array(body.utf8), properties: [PropertyName.uniqueKey: "id-\(body)"], queueId: id, queueOffset: offset,
                    physicalOffset: state.nextPhysicalOffset))
                state.nextPhysicalOffset += 100
            }
        }
    }

    /// A client of this cluster, with waits that suit a test.
    func withClient<Result: Sendable>(
        _ adjust: (inout RocketMQClient.Configuration) -> Void = { _ in }, _ body: (RocketMQClient) async throws -> Result
    ) async throws -> Result {
        var configuration = RocketMQClient.Configuration(nameServers: [address(of: Self.nameServer)])
        configuration.logger = .silent
        adjust(&configuration)
        return try await withRocketMQClient(configuration, body)
    }

    // MARK: Answering

    private func receive(_ command: RemotingCommand, at server: String, over connection: ConnectionHandle) async -> RemotingCommand? {
        let behaviour = state.withLock { state in
            state.asked.append(Asked(server: server, command: command))
            if command.requestCode == .heartBeat, let id = try? HeartbeatData(body: command.body).clientId {
                state.connections["\(server) \(id)"] = connection
            }
            return state.script(server, command)
        }
        switch behaviour {
        case .usual: return await answer(command, at: server)
        case .late(let delay):
            let usual = await answer(command, at: server)
            try? await Task.sleep(for: delay)   // not a wait: the broker is that slow
            return usual
        case .silent: return nil
        case .answer(let given): return given
        }
    }

    private func answer(_ command: RemotingCommand, at server: String) async -> RemotingCommand? {
        do {
            switch command.requestCode {
            case .getRouteinfoByTopic: return try route(command.header())
            case .sendMessageV2, .sendReplyMessageV2: return try stored(command.header(), at: server)
            case .sendBatchMessage: return try stored(command.header(), count: BatchBody.decode(command.body, topic: "").count, at: server)
            case .heartBeat:
                let id = try HeartbeatData(body: command.body).clientId
                state.withLock { _ = $0.clients.insert(id) }
                return .response(.success)
            case .getConsumerListByGroup: return .response(.success, body: ConsumerIdList(state.withLock { $0.members ?? $0.clients.sorted() }).body)
            case .queryConsumerOffset: return try storedOffset(command.header(), at: server)
            case .updateConsumerOffset: return try storeOffset(command.header(), at: server)
            case .getMaxOffset: return try maxOffset(command.header(), at: server)
            case .pullMessage: return try await pull(command.header(), at: server)
            case .consumerSendMsgBack: return try takeBack(command.header(), at: server)
            case .lockBatchMq: return try lock(LockBatchRequest(body: command.body))
            case .unlockBatchMq: return try unlock(LockBatchRequest(body: command.body))
            default: return .response(.success)
            }
        } catch {
            return .response(.systemError, remark: "\(error)")
        }
    }

    private func route(_ header: RouteHeader) -> RemotingCommand {
        guard let count = state.withLock({ $0.topics[header.topic] }) else { return .response(.topicNotExist, remark: "no route") }
        let names = ports.withLock { $0.keys.filter { $0 != Self.nameServer }.sorted() }
        let data = TopicRouteData(
            queues: names.map { name in
                QueueData {
                    $0.brokerName = name
                    $0.readQueueCount = count
                    $0.writeQueueCount = count
                    $0.permission = .readWrite
                }
            },
            brokers: names.map { BrokerData(cluster: "c", brokerName: $0, addresses: [0: address(of: $0)]) })
        return .response(.success, body: data.body)
    }

    private func stored(_ header: SendMessageHeaderV2, count: Int = 1, at server: String) throws -> RemotingCommand {
        let first = state.withLock { state in
            defer { state.sentCount += Int64(count) }
            return state.sentCount
        }
        let host = HostAddress(address(of: server)) ?? .unspecified
        return .response(.success, header: SendMessageResponseHeader {
            $0.messageId = (0..<count).map { OffsetMessageId(storeHost: host, physicalOffset: (first + Int64($0)) * 100).text }.joined(separator: ",")
            $0.queueId = header.message.queueId
            $0.queueOffset = first
        })
    }

    private func storedOffset(_ header: QueryConsumerOffsetHeader, at server: String) -> RemotingCommand {
        let queue = MessageQueue(topic: header.topic, brokerName: server, queueId: header.queueId)
        guard let offset = offset(of: queue) else { return .response(.queryNotFound) }
        return .response(.success, header: OffsetResponseHeader(offset: offset))
    }

    private func storeOffset(_ header: UpdateConsumerOffsetHeader, at server: String) -> RemotingCommand {
        let queue = MessageQueue(topic: header.topic, brokerName: server, queueId: header.queueId)
        state.withLock { $0.offsets[queue] = header.commitOffset }
        return .response(.success)
    }

    private func maxOffset(_ header: QueueHeader, at server: String) -> RemotingCommand {
        let queue = MessageQueue(topic: header.topic, brokerName: server, queueId: header.queueId)
        return .response(.success, header: OffsetResponseHeader(offset: state.withLock { Int64($0.messages[queue]?.count ?? 0) }))
    }

    private func pull(_ header: PullMessageHeader, at server: String) async -> RemotingCommand {
        let queue = MessageQueue(topic: header.topic, brokerName: server, queueId: header.queueId)
        let all = state.withLock { $0.messages[queue] ?? [] }
        let found = all.dropFirst(Int(header.queueOffset)).prefix(Int(header.maxMessages))
        if found.isEmpty { try? await Task.sleep(for: .milliseconds(20)) }   // not a wait: the pull is held
        let next = header.queueOffset + Int64(found.count)
        let answer = PullMessageResponseHeader {
            $0.suggestedBrokerId = 0
            $0.nextBeginOffset = next
            $0.minOffset = 0
            $0.maxOffset = Int64(all.count)
        }
        return .response(found.isEmpty ? .pullNotFound : .success, header: answer, body: found.flatMap { MessageRecord.encode($0) })
    }
}

/// Hands every request to a function, in a task of its own.
private final class FakeHandler: RequestHandler {
    private let answer: @Sendable (RemotingCommand, ConnectionHandle) async -> RemotingCommand?

    init(_ answer: @escaping @Sendable (RemotingCommand, ConnectionHandle) async -> RemotingCommand?) { self.answer = answer }

    func receive(_ request: InboundFrame, on connection: Connection) {
        guard let command = try? request.command() else { return connection.close() }
        let reply = connection.replyHandle(for: request)
        let handle = connection.handle
        Task { [answer] in
            if let given = await answer(command, handle) { reply.complete(given) }
        }
    }
}

/// Runs `body` with a cluster of its own, and stops it whatever happens.
func withFakeCluster(
    brokers: [String] = ["a"], topics: [String: Int32] = ["T": 1], script: @escaping FakeCluster.Script = { _, _ in .usual },
    _ body: (FakeCluster) async throws -> Void
) async throws {
    let cluster = try FakeCluster(brokers: brokers, topics: topics, script: script)
    defer { cluster.stopAll() }
    try await body(cluster)
}

/// What a call throws; nil when it goes well.
func failure(of work: () async throws(ClientError) -> Void) async -> ClientError? {
    do {
        try await work()
        return nil
    } catch {
        return error
    }
}
