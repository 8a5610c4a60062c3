import RMQCommon
import RMQRemoting

/// What the rest of a client needs of a consumer, of whatever kind: heartbeats, routes and the questions of brokers.
protocol ConsumerMember: AnyObject, Sendable {
    var group: String { get }
    /// Whether it has begun and is not being closed.
    var isRunning: Bool { get }
    /// What heartbeats say about it.
    var heartbeat: ConsumerData { get }
    var subscribedTopics: [String] { get }
    /// Whether it wants to know of another route of this topic.
    func isSubscribed(to topic: String) -> Bool
    /// Asks for a rebalance now, after a broker's notice or with another route.
    func wakeRebalance()
    /// Lets what is in hand finish for at most `gracePeriod`, and leaves the group.
    func close(gracePeriod: Duration) async

    // MARK: Questions of brokers

    /// The group's offsets in the queues of a topic, as far as this consumer keeps them (221).
    func knownOffsets(of topic: String) -> [MessageQueue: Int64]
    /// Its settings, what it subscribes to, its queues (307). What every consumer tells alike is added by who asks.
    var runningInfo: ConsumerRunningInfo { get }
    /// Goes on at these offsets, in those of the queues that it holds (220).
    func resetOffsets(to offsets: [MessageQueue: Int64]) async
    /// Hands a message to the handler, without caching, offsets or retries (309); nil for a consumer without a handler.
    func consumeDirectly(_ message: StoredMessage) async -> ConsumeDirectlyResult?
}

extension ConsumerMember {
    func isSubscribed(to topic: String) -> Bool { subscribedTopics.containsExactly(topic) }

    /// Adds what all kinds of consumers tell alike.
    func describe(_ info: inout ConsumerRunningInfo) {
        let heartbeat = heartbeat
        info.subscriptions = heartbeat.subscriptions
        info.properties["PROP_CONSUME_TYPE"] = heartbeat.consumeType.rawValue
        info.properties["PROP_CLIENT_VERSION"] = ProtocolVersion.current.description
        info.properties["consumerGroup"] = group
        info.properties["messageModel"] = heartbeat.messageModel.rawValue
        info.properties["consumeFromWhere"] = heartbeat.consumeFromWhere.rawValue
    }
}
