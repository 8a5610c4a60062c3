import RMQBroker
import RMQClient
import RMQCommon
import RMQNamesrv
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// A name server and a broker in this process, on ports that the system chose, with a store in a temporary folder.
final class TestCluster {
    private let folder: TemporaryFolder
    let nameServer: NameServer
    private let loops: EventLoopGroup
    private var ghosts: [RemotingClient] = []
    private var broker: Broker
    private let brokerConfiguration: BrokerConfiguration

    init(_ adjust: (inout BrokerConfiguration) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        loops = EventLoopGroup(count: 1, name: "test-namesrv")
        var nameServerConfiguration = NameServerConfiguration(userHome: folder.path)
        nameServerConfiguration.listener.port = 0
        nameServer = try NameServer(configuration: nameServerConfiguration, logger: Self.logger, loops: loops)
        try nameServer.start()
        var configuration = BrokerConfiguration()
        configuration.listener.port = 0
        configuration.nameServers = ["127.0.0.1:\(nameServer.port)"]
        configuration.store.rootDirectory = folder.sub("store")
        configuration.store.segmentBytes = 16 << 20
        configuration.store.consumeQueueFileBytes = 60_000
        // On a crowded machine a loop may stand still for longer than clients are patient.
        configuration.fastFailure = false
        adjust(&configuration)
        brokerConfiguration = configuration
        broker = try Broker(configuration: configuration, logger: Self.logger)
        try broker.start()
    }

    var nameServerAddress: String { "127.0.0.1:\(nameServer.port)" }
    var brokerAddress: String { "127.0.0.1:\(broker.port)" }

    /// Stops the broker and starts a new one on the same store.
    func restartBroker() throws {
        broker.stop()
        broker = try Broker(configuration: brokerConfiguration, logger: Self.logger)
        try broker.start()
    }

    /// Tells the name server of a broker that is not there.
    func registerGhostBroker(topic: String) async throws {
        let table = TopicConfigTable(
            topics: [ByteText(topic): TopicConfig(topicName: topic, readQueueCount: 4, writeQueueCount: 4)], dataVersion: DataVersion(timestamp: 1))
        let body = RegisterBrokerBody(topicConfigTable: table).body
        let header = RegisterBrokerHeader {
            $0.brokerName = "ghost"
            $0.brokerAddress = "127.0.0.1:1"
            $0.clusterName = "DefaultCluster"
            $0.haServerAddress = "127.0.0.1:2"
            $0.brokerId = 0
            $0.bodyCRC32 = CRC32.rocketMQ(body)
        }
        let client = RemotingClient(loops: loops, logger: Self.logger)
        let response = try await client.request(
            RemotingCommand(.registerBroker, header: header, body: body), to: nameServerAddress, timeout: .generous)
        try #require(response.responseCode == .success, "the name server refused the ghost: \(response.remark ?? "")")
        ghosts.append(client)
    }

    func stop() {
        // A name server forgets a broker whose connection closes, so these stayed open.
        for ghost in ghosts { ghost.close() }
        broker.stop()
        nameServer.stop()
        loops.stop()
    }

    private static var logger: Logger { Logger(category: "test", level: .error, sink: DiscardSink()) }

    /// A folder for what a client keeps.
    func clientFolder(_ name: String) -> String { folder.sub(name) }

    /// A client of its own identity, with short intervals so that tests need not wait for the product's.
    func withClient<Result: Sendable>(
        headers: HeaderSerialization = .json, _ body: (RocketMQClient) async throws -> Result
    ) async throws -> Result {
        var configuration = RocketMQClient.Configuration(nameServers: nameServerAddress)
        configuration.headers = headers
        configuration.logger = .silent
        return try await withRocketMQClient(configuration, body)
    }
}

/// Runs `body` with a cluster of its own, and stops it whatever happens.
func withCluster(_ adjust: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (TestCluster) async throws -> Void) async throws {
    let cluster = try TestCluster(adjust)
    do { try await body(cluster) } catch {
        cluster.stop()
        throw error
    }
    cluster.stop()
}

/// What consumers received, safe to fill from any task.
actor Inbox {
    private(set) var messages: [StoredMessage] = []
    func add(_ message: StoredMessage) { messages.append(message) }
    var bodies: Set<[UInt8]> { Set(messages.map(\.body)) }
    var count: Int { messages.count }
}
