import RMQCommon
import RMQRemoting
import RMQStore

/// The topics of a group for what it failed to consume. Made when they are needed; then they are topics like others, whose queues
/// and permissions an operator may change.
extension BrokerState {
    /// Every group that consumes has a retry topic, whatever its name: clients pull from it, though nothing can be stored under a
    /// name that is no topic's.
    func addRetryTopic(of group: SubscriptionGroupConfig, isUnit: Bool) {
        guard group.retryQueueCount > 0, topics[RetryTopic.name(group.groupName)] == nil, hasRoomForTopic else { return }
        _ = addTopic(.retry(of: group, isUnit: isUnit), for: "what its group fails to consume")
    }
}

extension LoopState {
    /// - Throws: when its name would be no topic's.
    func retryTopic(of group: SubscriptionGroupConfig, isUnit: Bool) throws(Refusal) -> LoopTopic {
        try topic(RetryTopic.name(group.groupName), orNew: .retry(of: group, isUnit: isUnit))
    }

    /// - Throws: when its name would be no topic's.
    func deadLetterTopic(ofGroup group: String) throws(Refusal) -> LoopTopic {
        let name = DeadLetterTopic.name(group)
        return try topic(name, orNew: TopicConfig(topicName: name, readQueueCount: 1, writeQueueCount: 1))
    }

    private func topic(_ name: String, orNew config: @autoclosure () -> TopicConfig) throws(Refusal) -> LoopTopic {
        if let known = routes.topic(named: name) {
            if let refusal = known.sendRefusal { throw refusal }
            return known
        }
        if let refusal = Refusal.sending(to: name) { throw refusal }
        return routes.topic(broker.addTopic(config(), for: "what its group fails to consume"))
    }
}

extension TopicConfig {
    fileprivate static func retry(of group: SubscriptionGroupConfig, isUnit: Bool) -> TopicConfig {
        let queues = min(group.retryQueueCount, TopicLimit.queues)
        return TopicConfig(
            topicName: RetryTopic.name(group.groupName), readQueueCount: queues, writeQueueCount: queues, systemFlag: isUnit ? 2 : 0)
    }
}

extension SubscriptionGroupConfig {
    /// How often a message may come again.
    /// - Parameters:
    ///   - asked: by the client; nil when it did not say.
    ///   - clientVersion: older clients send the field and mean nothing by it.
    func retryLimit(asked: Int32?, clientVersion: Int32) -> Int32 {
        clientVersion >= ProtocolVersion.v3_4_9.ordinal ? asked ?? retryMaxTimes : retryMaxTimes
    }
}

extension Refusal {
    static func noGroup(toRetry name: String) -> Refusal { Refusal(.subscriptionGroupNotExist, "subscription group not exist, \(name.prefix(bytes: 255))") }
}
