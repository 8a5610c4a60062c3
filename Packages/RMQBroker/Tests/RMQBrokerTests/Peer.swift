import Foundation
import RMQACL
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// A broker on a port that the system chose, without a name server unless the test gives one, and a connection to it.
final class Peer: Sendable {
    private let running: Mutex<Broker>
    let client: RemotingClient
    private let loops = EventLoopGroup(count: 1, name: "test-client")
    private let furtherClients = Mutex<[RemotingClient]>([])
    private let folder: TemporaryFolder
    private let configuration: BrokerConfiguration
    private let notices = Mutex<[RemotingCommand]>([])
    private let clocks: Clocks
    private let accessControl: (any AccessControl)?

    /// - Parameters:
    ///   - files: what the directory of the broker's tables holds before it starts, by name.
    ///   - configurationFile: its content; written back to by the broker.
    ///   - clocks: of the broker and its store; time-outs of requests are real.
    ///   - accounts: the files of access control below `conf`; with any, it is on.
    init(
        files: [String: String] = [:], configurationFile: String? = nil, clocks: Clocks = .system, accessControl: (any AccessControl)? = nil,
        accounts: [String: String] = [:], logger: Logger = quiet, _ change: (inout BrokerConfiguration) -> Void = { _ in }
    ) throws {
        folder = try TemporaryFolder()
        var configuration = BrokerConfiguration()
        configuration.listener.port = 0
        configuration.store.rootDirectory = folder.path
        configuration.store.segmentBytes = 16 << 20
        configuration.store.consumeQueueFileBytes = 60_000
        configuration.store.indexSlotCount = 100
        configuration.store.indexEntryCount = 1_000
        // On a crowded machine a loop may stand still for longer than clients are patient.
        for wait in [\BrokerConfiguration.sendWaitMilliseconds, \.pullWaitMilliseconds, \.heartbeatWaitMilliseconds, \.transactionWaitMilliseconds] {
            configuration[keyPath: wait] = 600_000
        }
        for (name, text) in accounts {
            configuration.access.isOn = true
            configuration.rocketmqHome = folder.path
            try SmallFile.replace(folder.sub("conf/\(name)"), with: text)
        }
        change(&configuration)
        self.configuration = configuration
        self.clocks = clocks
        self.accessControl = accessControl
        try FileManager.default.createDirectory(atPath: configuration.configDirectory, withIntermediateDirectories: true)
        for (name, text) in files { try text.write(toFile: configuration.configDirectory + "/" + name, atomically: false, encoding: .utf8) }
        try configurationFile?.write(toFile: folder.sub("broker.conf"), atomically: false, encoding: .utf8)
        do {
            let broker = try Broker(
                configuration: configuration, logger: logger, configurationFile: configurationFile == nil ? nil : folder.sub("broker.conf"),
                accessControl: accessControl, clocks: clocks)
            try broker.start()
            running = Mutex(broker)
        } catch {
            loops.stop()
            throw error
        }
        client = RemotingClient(loops: loops, logger: quiet)
        client.setRequestHandler { [weak self] request, _ in
            self?.notices.withLock { $0.append(request) }
            return request.isOneway ? nil : .response(.success)
        }
    }

    var broker: Broker { running.withLock { $0 } }
    var address: String { "127.0.0.1:\(broker.port)" }
    /// What the broker sent by itself, oldest first.
    var received: [RemotingCommand] { notices.withLock { $0 } }

    func file(_ name: String) throws -> String { try String(contentsOfFile: configuration.configDirectory + "/" + name, encoding: .utf8) }
    var configurationFile: String { get throws { try String(contentsOfFile: configuration.store.rootDirectory + "/broker.conf", encoding: .utf8) } }
    var configDirectory: String { configuration.configDirectory }
    /// The folder of the account files.
    var accountFolder: String { configuration.rocketmqHome + "/conf" }
    var storeRoot: String { configuration.store.rootDirectory }

    /// A client of its own, with a connection of its own.
    /// - Parameter answer: what it says when the broker asks; nil is silence.
    func anotherClient(answering answer: (@Sendable (RemotingCommand) -> RemotingCommand?)? = nil) -> RemotingClient {
        let client = RemotingClient(loops: loops, logger: quiet)
        if let answer { client.setRequestHandler { request, _ in answer(request) } }
        furtherClients.withLock { $0.append(client) }
        return client
    }

    /// Stops the broker and starts a new one on the same store.
    /// - Parameter change: what it is told otherwise this time.
    func restart(logger: Logger = quiet, _ change: (inout BrokerConfiguration) -> Void = { _ in }) throws {
        broker.stop()
        var configuration = configuration
        change(&configuration)
        let next = try Broker(configuration: configuration, logger: logger, accessControl: accessControl, clocks: clocks)
        try next.start()
        running.withLock { $0 = next }
    }

    func stop() {
        client.close()
        for client in furtherClients.withLock({ $0 }) { client.close() }
        broker.stop()
        loops.stop()
    }

    func ask(
        _ code: RequestCode, _ fields: [String: String] = [:], body: [UInt8] = [], version: Int32 = ProtocolVersion.current.ordinal,
        from client: RemotingClient? = nil
    ) async throws -> RemotingCommand {
        var command = RemotingCommand(code: code.rawValue, body: body)
        command.version = version
        var header = HeaderFields()
        for (name, value) in fields { header[name] = value }
        command.fields = header
        return try await (client ?? self.client).request(command, to: address, timeout: .generous)
    }

    func ask(_ code: RequestCode, _ fields: [String: String] = [:], text: String, from client: RemotingClient? = nil) async throws -> RemotingCommand {
        try await ask(code, fields, body: Array(text.utf8), from: client)
    }

    func send(
        _ topic: String, _ text: String, properties: String = "", queue: Int = 0, changing fields: [String: String] = [:]
    ) async throws -> RemotingCommand {
        try await ask(.sendMessageV2, Self.sendFields(topic, properties: properties, queue: queue).merging(fields) { $1 }, text: text)
    }

    static func sendFields(_ topic: String, properties: String = "", queue: Int = 0) -> [String: String] {
        [
            "a": "p", "b": topic, "c": "TBW102", "d": "4", "e": "\(queue)", "f": "0", "g": "1", "h": "0", "i": properties, "j": "0", "k": "false",
            "m": "false",
        ]
    }

    func pull(
        _ topic: String, from offset: Int64, tags: String = "*", holdingMilliseconds hold: Int = 0, changing fields: [String: String] = [:],
        client: RemotingClient? = nil
    ) async throws -> RemotingCommand {
        try await ask(.pullMessage, [
            "consumerGroup": "g", "topic": topic, "queueId": "0", "queueOffset": "\(offset)", "maxMsgNums": "32",
            "sysFlag": "\(4 | (hold > 0 ? 2 : 0))", "commitOffset": "0", "suspendTimeoutMillis": "\(hold)", "subscription": tags, "subVersion": "0",
            "expressionType": "TAG",
        ].merging(fields) { $1 }, from: client)
    }

    func heartbeat(
        _ clientId: String, group: String = "g", subscriptions: [SubscriptionData] = [], model: MessageModel = .clustering, sends: String? = nil,
        version: Int32 = ProtocolVersion.current.ordinal, from client: RemotingClient? = nil
    ) async throws -> RemotingCommand {
        let consumer = ConsumerData {
            $0.group = group
            $0.messageModel = model
            $0.subscriptions = subscriptions
        }
        let heartbeat = HeartbeatData {
            $0.clientId = clientId
            $0.consumers = [consumer]
            $0.producers = sends.map { [ProducerData(group: $0)] } ?? []
        }
        return try await ask(.heartBeat, body: heartbeat.body, version: version, from: client)
    }

    func createTopic(_ name: String, queues: Int = 1, changing fields: [String: String] = [:]) async throws -> RemotingCommand {
        try await ask(.updateAndCreateTopic, [
            "topic": name, "defaultTopic": "TBW102", "readQueueNums": "\(queues)", "writeQueueNums": "\(queues)", "perm": "6",
            "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
        ].merging(fields) { $1 })
    }

    func changeGroup(_ json: String) async throws -> RemotingCommand { try await ask(.updateAndCreateSubscriptiongroup, text: json) }

    var topics: [ByteText: TopicConfig] {
        get async throws { try TopicConfigTable(body: try await ask(.getAllTopicConfig).body).topics }
    }

    /// Lets the time of all held pulls be over.
    func expirePulls() {
        for bound in broker.state.loops.all { bound.post { $0.holds.check(now: $0.loop.now + .seconds(3600)) } }
    }

    /// The pulls that the broker's loops hold.
    func heldPulls() async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for bound in broker.state.loops.all {
                group.addTask { await withCheckedContinuation { done in bound.post { done.resume(returning: $0.holds.count) } } }
            }
            return try await group.reduce(0, +)
        }
    }
}

func withPeer(
    files: [String: String] = [:], configurationFile: String? = nil, clocks: Clocks = .system, accessControl: (any AccessControl)? = nil,
    accounts: [String: String] = [:], logger: Logger = quiet, _ change: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (Peer) async throws -> Void
) async throws {
    let peer = try Peer(files: files, configurationFile: configurationFile, clocks: clocks, accessControl: accessControl, accounts: accounts,
        logger: logger, change)
    do { try await body(peer) } catch {
        peer.stop()
        throw error
    }
    peer.stop()
}

let quiet = Logger(category: "test", level: .error, sink: DiscardSink())

extension RemotingCommand {
    var messages: [StoredMessage] { get throws { try MessageRecord.decodeAll(body, decompressing: true) } }
    var text: String { String(decoding: body, as: UTF8.self) }
}
