import RMQCommon
import RMQNamesrv
import RMQRemoting
import RMQTestSupport
import Testing

/// A name server on a free port with files in a folder of its own, and a client connected to it.
struct Bench {
    let server: NameServer
    let client: RemotingClient
    let clock: HandClock
    let folder: String

    /// Runs `body` against a fresh server and cleans up after it.
    static func run(
        _ change: (inout NameServerConfiguration) -> Void = { _ in }, accessControl: (any AccessControl)? = nil,
        _ body: (Bench) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let clock = HandClock()
        let loops = EventLoopGroup(count: 2, name: "namesrv-test", clocks: clock.clocks)
        // Time-outs of requests are real.
        let clientLoops = EventLoopGroup(count: 1, name: "namesrv-client")
        var configuration = NameServerConfiguration(userHome: folder.path)
        configuration.listener.port = 0
        change(&configuration)
        let server = try NameServer(configuration: configuration, logger: .silent, loops: loops, accessControl: accessControl)
        try server.start()
        let bench = Bench(server: server, client: RemotingClient(loops: clientLoops, logger: .silent), clock: clock, folder: folder.path)
        let result: Result<Void, any Error>
        do { result = .success(try await body(bench)) } catch { result = .failure(error) }
        bench.client.close()
        server.stop()
        loops.stop()
        clientLoops.stop()
        try result.get()
    }

    var address: String { "127.0.0.1:\(server.port)" }

    func ask(_ command: RemotingCommand) async throws -> RemotingCommand {
        try await client.request(command, to: address, timeout: .generous)
    }

    func ask(_ code: RequestCode, fields: HeaderFields? = nil, body: [UInt8] = []) async throws -> RemotingCommand {
        try await ask(RemotingCommand(code: code.rawValue, fields: fields, body: body))
    }

    @discardableResult
    func register(
        _ broker: String = "broker-a", id: Int64 = 0, address: String = "10.0.0.1:10911", cluster: String = "C1",
        topics: [TopicConfig] = [TopicConfig(topicName: "T", readQueueCount: 4, writeQueueCount: 4)], version: Int64 = 1,
        through other: RemotingClient? = nil
    ) async throws -> RemotingCommand {
        let table = Dictionary(uniqueKeysWithValues: topics.map { (ByteText($0.topicName), $0) })
        let body = RegisterBrokerBody(topicConfigTable: TopicConfigTable(topics: table, dataVersion: DataVersion(timestamp: version)))
        let header = RegisterBrokerHeader {
            $0.brokerName = broker
            $0.brokerAddress = address
            $0.clusterName = cluster
            $0.haServerAddress = "ha-of-" + address
            $0.brokerId = id
            $0.bodyCRC32 = CRC32.rocketMQ(body.body)
        }
        let command = RemotingCommand(.registerBroker, header: header, body: body.body)
        return try await (other ?? client).request(command, to: self.address, timeout: .generous)
    }

    func route(_ topic: String) async throws -> TopicRouteData? {
        let response = try await ask(RemotingCommand(.getRouteinfoByTopic, header: RouteHeader(topic: topic)))
        return response.responseCode == .success ? try TopicRouteData(body: response.body) : nil
    }
}

extension RemotingCommand {
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// The bytes of a hexadecimal text.
func bytes(_ hex: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = hex[...]
    while !rest.isEmpty {
        bytes.append(try #require(UInt8(rest.prefix(2), radix: 16)))
        rest = rest.dropFirst(2)
    }
    return bytes
}

/// A frame as the reference sent it.
func frame(_ hex: String) throws -> RemotingCommand {
    try bytes(hex).withUnsafeBytes { try RemotingCommand.decode(frame: UnsafeRawBufferPointer(rebasing: $0[4...])) }
}
