import RMQCommon
import RMQRemoting
@testable import RMQTools
import Synchronization

/// Servers that answer from a closure, and remember what they were asked.
final class Servers: CommandTransport {
    typealias Answer = @Sendable (RemotingCommand, String) -> RemotingCommand?
    private let answers: Answer
    private let asked = Mutex<[(code: Int32, address: String, fields: HeaderFields)]>([])

    /// - Parameter answer: nil for an address that nobody listens at.
    init(_ answer: @escaping Answer) { answers = answer }

    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) -> RemotingCommand {
        asked.withLock { $0.append((command.code, address, command.fields ?? [:])) }
        guard let answer = answers(command, address) else { throw .connectFailed(address: address, reason: "refused") }
        return answer
    }

    func close() {}

    /// Addresses that got a request with this code, in order.
    func addresses(asked code: RequestCode) -> [String] { asked.withLock { $0.filter { $0.code == code.rawValue }.map(\.address) } }
    func fields(asked code: RequestCode) -> [HeaderFields] { asked.withLock { $0.filter { $0.code == code.rawValue }.map(\.fields) } }
}

/// The second recorded cluster: two masters behind one name server.
enum Golden {
    static let nameServer = "127.0.0.1:29876"
    static let masters = ["golden-a": "127.0.0.1:30911", "golden-b": "127.0.0.1:31911"]

    static let info = ClusterInfo(
        brokers: Dictionary(uniqueKeysWithValues: masters.map {
            ($0.key, BrokerData(cluster: "GoldenCluster", brokerName: $0.key, addresses: [0: $0.value]))
        }), clusters: ["GoldenCluster": ["golden-b", "golden-a"]])

    static func route(queues: Int32 = 4, slaveOfA: String? = nil) -> TopicRouteData {
        TopicRouteData(
            queues: masters.keys.sorted().map {
                QueueData(brokerName: $0, readQueueCount: queues, writeQueueCount: queues, permission: .readWrite)
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

/// Runs the words of a recording against such servers.
struct Run {
    var output: String
    var errors: String
    var exitCode: Int32

    init(_ words: [String], servers: Servers = Servers(Golden.answer), nameServer: String = Golden.nameServer) async {
        let captured = CapturedOutput()
        let tool = AdminTool(
            output: captured, environment: { $0 == "NAMESRV_ADDR" ? nameServer : nil }, time: .utc, now: { 1_795_236_128_000 },
            makeTransport: { servers })
        exitCode = await tool.run(words)
        output = captured.output
        errors = captured.errors
    }
}
