import RMQCommon
import RMQRemoting

/// What a consumer subscribes to: a filter and its version for each topic. A value.
struct TopicSubscriptions {
    private var table: [ByteText: PushConsumer.Subscription] = [:]
    private var versions = PushConsumer.SubscriptionVersions()

    var topics: [String] { table.keys.map(\.text) }
    subscript(topic: String) -> PushConsumer.Subscription? { table[topic] }

    mutating func set(_ topic: String, _ filter: SubscriptionFilter) {
        table[topic] = PushConsumer.Subscription(filter: filter, version: versions.next())
    }

    mutating func remove(_ topic: String) { _ = table.removeValue(forKey: topic) }

    /// What heartbeats say, in the order of the topics.
    var data: [SubscriptionData] {
        table.sorted { $0.key < $1.key }.map { SubscriptionData(topic: $0.key.text, filter: $0.value.filter, version: $0.value.version) }
    }
}
