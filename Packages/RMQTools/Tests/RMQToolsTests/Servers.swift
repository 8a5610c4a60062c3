import Foundation
@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Synchronization
import Testing

/// Servers that answer from a closure, and remember what they were asked.
final class Servers: ClientTransport {
    typealias Answer = @Sendable (RemotingCommand, String) -> RemotingCommand?
    let answer: Answer
    /// Who keeps connections open and answers nothing.
    private let silent: Set<String>
    private let asked = Mutex<[(code: Int32, address: String, fields: HeaderFields)]>([])

    /// - Parameter answer: nil for an address that nobody listens at.
    init(silent: Set<String> = [], _ answer: @escaping Answer) {
        self.answer = answer
        self.silent = silent
    }

    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) -> RemotingCommand {
        asked.withLock { $0.append((command.code, address, command.fields ?? [:])) }
        if silent.contains(address) { throw .timedOut(address: address, code: command.code, after: timeout) }
        guard let answer = answer(command, address) else { throw .connectFailed(address: address, reason: "refused") }
        return answer
    }

    /// No command sends without waiting for the answer, and no server asks.
    func sendOneway(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) {}
    func setRequestHandler(_ handler: @escaping @Sendable (RemotingCommand, String) async -> RemotingCommand?) {}
    func setConnectionClosedHandler(_ handler: @escaping @Sendable (String) -> Void) {}
    func close() {}

    /// Addresses that got a request with this code, in order.
    func addresses(asked code: RequestCode) -> [String] { asked.withLock { $0.filter { $0.code == code.rawValue }.map(\.address) } }
    func fields(asked code: RequestCode) -> [HeaderFields] { asked.withLock { $0.filter { $0.code == code.rawValue }.map(\.fields) } }
}

/// The second recorded cluster: two masters behind one name server.
enum Golden {
    static let nameServer = "127.0.0.1:29876"
    static let masters = ["golden-a": "127.0.0.1:30911", "golden-b": "127.0.0.1:31911"]

    static let info = ClusterInfo {
        for (name, address) in masters { $0.brokers[name] = BrokerData(cluster: "GoldenCluster", brokerName: name, addresses: [0: address]) }
        $0.clusters = ["GoldenCluster": ["golden-b", "golden-a"]]
    }

    static func route(queues: Int32 = 4, slaveOfA: String? = nil) -> TopicRouteData {
        TopicRouteData(
            queues: masters.keys.sorted().map { name in
                QueueData {
                    $0.brokerName = name
                    $0.readQueueCount = queues
                    $0.writeQueueCount = queues
                    $0.permission = .readWrite
                }
            },
            brokers: masters.sorted { $0.key < $1.key }.map { name, address in
                var addresses: [Int64: String] = [0: address]
                if name == "golden-a" { addresses[1] = slaveOfA }
                return BrokerData(cluster: "GoldenCluster", brokerName: name, addresses: addresses)
            })
    }

    /// What these servers answer to the requests that change nothing, and `SUCCESS` to every other one.
    static func answer(_ command: RemotingCommand, _ address: String) -> RemotingCommand? {
        guard address == nameServer || masters.values.contains(address) else { return nil }
        switch command.requestCode {
        case .getBrokerClusterInfo: return .response(.success, body: info.body)
        case .getRouteinfoByTopic:
            let topic = command.fields?["topic"] ?? ""
            guard !topic.hasSuffix("NoSuchTopic") && !topic.hasPrefix("%RETRY%") else {
                return .response(
                    .topicNotExist,
                    remark: "No topic route info in name server for the topic: \(topic)\n"
                        + "See http://rocketmq.apache.org/docs/faq/ for further details.")
            }
            return .response(.success, body: route().body)
        case .getKvConfig:
            return .response(
                .queryNotFound,
                remark: "No config item, Namespace: \(command.fields?["namespace"] ?? "") Key: \(command.fields?["key"] ?? "")")
        default: return .response(.success)
        }
    }
}

extension Golden {
    /// As ``answer(_:_:)``, of a cluster without topics whose brokers tell how they are.
    static func watched(_ command: RemotingCommand, _ address: String) -> RemotingCommand? {
        switch command.requestCode {
        case .getAllTopicListFromNameserver: .response(.success, body: [UInt8](#"{"topicList":[]}"#.utf8))
        case .getBrokerRuntimeInfo: .response(.success, body: KeyValueTable(["putTps": "12.0 1.0 1.0"]).body)
        default: answer(command, address)
        }
    }
}

/// Runs the words of a recording against such servers.
struct Run {
    var output: String
    var errors: String
    var exitCode: Int32
    /// The bodies that were put into files, by the file's name.
    var bodies: [String: [UInt8]] = [:]

    init(
        _ words: [String], servers: Servers = Servers(Golden.answer), nameServer: String = Golden.nameServer,
        sender: any MessageSending = ProducerSending(), width: Int? = nil, height: Int? = nil, workFolder: String? = nil,
        pause: @escaping @Sendable (Duration) async throws -> Void = { _ in }, now: @escaping @Sendable () -> Int64 = { 1_795_236_128_000 }
    ) async throws {
        let captured = CapturedOutput(width: width, height: height)
        let temporary = try TemporaryFolder(), folder = temporary.sub("bodies")
        let tool = AdminTool(
            output: captured, environment: { $0 == "NAMESRV_ADDR" ? nameServer : nil }, time: .utc, now: now,
            bodyFolder: folder, workFolder: workFolder ?? temporary.sub("work"), sender: sender, pause: pause, makeAdmin: { nameServers, _ in Admin(nameServers: nameServers, transport: servers) })
        exitCode = await tool.run(words)
        output = captured.output.replacingOccurrences(of: folder, with: "/tmp/rocketmq/msgbodys")
        errors = captured.errors
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            bodies[name] = FileManager.default.contents(atPath: folder + "/" + name).map { [UInt8]($0) }
        }
        withExtendedLifetime(temporary) {}
    }

    /// Output and exit code are the recorded ones, and every cause that a server gave is told in its words.
    func expect(_ recording: Recording, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(output == recording.output, sourceLocation: sourceLocation)
        #expect(exitCode == recording.exitCode, sourceLocation: sourceLocation)
        for cause in recording.causes { #expect(errors.contains(cause), sourceLocation: sourceLocation) }
        if recording.errors.isEmpty { #expect(errors.isEmpty, sourceLocation: sourceLocation) }
    }
}
