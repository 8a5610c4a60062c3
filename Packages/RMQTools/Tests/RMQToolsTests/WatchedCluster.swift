@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools

/// A cluster to look at: the topic Orders and the group billing on both masters of ``Golden``, and before it, by name, a cluster of one broker
/// that knows neither.
struct WatchedCluster: Sendable {
    static let other = "127.0.0.1:33911"

    var topics = ["Orders", "%RETRY%billing", "%DLQ%billing"]
    /// Told by every broker beside what makes it healthy.
    var values: [ByteText: String] = [:]
    /// Of each queue.
    var lag: Int64 = 2
    /// By client id; empty when nobody is connected.
    var expressions = ["one": "*", "two": "*"]
    /// Brokers that do not answer.
    var silent: Set<String> = []
    /// What the brokers refuse to answer.
    var refused: RequestCode?
    var remark = "busy"

    var servers: Servers { Servers(silent: silent) { answer($0, $1) } }

    private func answer(_ command: RemotingCommand, _ address: String) -> RemotingCommand? {
        if command.requestCode == refused { return .response(.systemError, remark: remark) }
        switch command.requestCode {
        case .getBrokerClusterInfo: return .response(.success, body: Self.info.body)
        case .getAllTopicListFromNameserver: return .response(.success, body: TopicList(topics).body)
        case .getRouteinfoByTopic: return .response(.success, body: Golden.route().body)
        case .getBrokerRuntimeInfo: return .response(.success, body: runtime.body)
        case .getBrokerConfig: return .response(.success, body: [UInt8]("aclEnable=true\n".utf8))
        case .getTopicStatsInfo, .getConsumeStats: return stats(command, of: Golden.masters.first { $0.value == address }?.key)
        case .getConsumerConnectionList: return members(at: address)
        case .getConsumerRunningInfo: return runningInfo(of: command.fields?["clientId"] ?? "", at: address)
        default: return Golden.answer(command, address)
        }
    }

    private static let info: ClusterInfo = {
        var info = Golden.info
        info.brokers["aaa"] = BrokerData(cluster: "Another", brokerName: "aaa", addresses: [0: other])
        info.clusters["Another"] = ["aaa"]
        return info
    }()

    private var runtime: KeyValueTable {
        KeyValueTable([
            "brokerVersionDesc": "V4_9_8", "bootTimestamp": "1795236127000", "runtime": "[ 0 days, 0 hours, 0 minutes, 1 seconds ]",
            "commitLogDiskRatio": "0.22", "commitLogMaxOffset": "1000", "putTps": "12.0 1.0 1.0",
        ].merging(values) { _, new in new })
    }

    private func stats(_ command: RemotingCommand, of broker: String?) -> RemotingCommand {
        guard let broker else { return .response(.topicNotExist, remark: "not here") }
        let queue = MessageQueue(topic: "Orders", brokerName: broker, queueId: 0)
        guard command.requestCode == .getConsumeStats else {
            let isDeadLetter = command.fields?["topic"]?.hasPrefix("%DLQ%") == true
            return .response(.success, body: TopicStatsTable(queues: [queue: .init { $0.maxOffset = isDeadLetter ? 0 : 100 }]).body)
        }
        var stats = ConsumeStats()
        stats.queues[queue] = .init {
            $0.brokerOffset = 1_000_000
            $0.consumerOffset = 1_000_000 - lag
        }
        return .response(.success, body: stats.body)
    }

    private func members(at address: String) -> RemotingCommand {
        guard !expressions.isEmpty, address != Self.other else { return .response(.consumerNotOnline, remark: "not online") }
        let connections = expressions.keys.sorted().map { id in
            ClientConnection {
                $0.clientId = id
                $0.version = 409
            }
        }
        return .response(.success, body: ConsumerConnection { $0.connections = connections }.body)
    }

    private func runningInfo(of client: String, at address: String) -> RemotingCommand {
        guard let expression = expressions[client], address != Self.other else { return .response(.consumerNotOnline, remark: "not online") }
        let subscription = SubscriptionData(topic: "Orders", tagExpression: expression, version: 0)
        return .response(.success, body: ConsumerRunningInfo { $0.subscriptions = [subscription] }.body)
    }
}
