import RMQCommon
import RMQRemoting
import RMQStore

/// Why a pull is not served.
extension Refusal {
    static func unreadableBroker(_ configuration: BrokerConfiguration) -> Refusal {
        Refusal(.noPermission, "the broker[\(configuration.advertisedAddress)] pulling message is forbidden")
    }

    static func unknownGroup(_ group: String) -> Refusal {
        Refusal(.subscriptionGroupNotExist, "subscription group [\(group)] does not exist")
    }

    static func disabledGroup(_ group: String) -> Refusal {
        Refusal(.noPermission, "subscription group no permission, \(group)")
    }

    static func unknownTopic(_ topic: String) -> Refusal {
        Refusal(.topicNotExist, "topic[\(topic)] not exist, apply first please!")
    }

    static func unreadableTopic(_ topic: String) -> Refusal {
        Refusal(.noPermission, "the topic[\(topic)] pulling message is forbidden")
    }

    /// For a filter that came with a pull.
    static func unreadableFilter(_ reason: some CustomStringConvertible) -> Refusal {
        Refusal(.subscriptionParseFailed, "parse the consumer's subscription failed: \(reason)")
    }

    /// For a filter by an expression where that is switched off, and for one of a kind that nobody knows.
    static func unsupportedFilter(of type: String) -> Refusal {
        Refusal(.systemError, "The broker does not support consumer to filter message by \(type)")
    }

    static func illegalQueue(_ queueId: Int32, of topic: TopicConfig) -> Refusal {
        Refusal(.systemError, "queueId[\(queueId)] is illegal, topic:[\(topic.topicName)] topicConfig.readQueueNums:[\(topic.readQueueCount)]")
    }
}

extension BrokerState {
    /// Moves on when something changed that decides whether a pull is allowed. Each part only grows.
    var pullRulesVersion: UInt64 { topics.version &+ groups.version &+ live.version &+ filters.version }

    /// Looks at the rules again for a pull that was held while they changed, in the order of a new pull.
    /// - Returns: the queue that it is for.
    func queueNow(of pull: HeldPull) throws(Refusal) -> BrokerQueue {
        let configuration = live.current
        guard configuration.brokerPermission & Permission.read.rawValue != 0 else { throw .unreadableBroker(configuration) }
        // Without it group and topic are unknown; only possible when the table of offsets is full.
        guard let progress = pull.progress else { return pull.queue }
        guard let group = groups[progress.group] else { throw .unknownGroup(progress.group) }
        guard group.consumeEnabled else { throw .disabledGroup(progress.group) }
        guard let topic = topics[progress.topic] else { throw .unknownTopic(progress.topic) }
        guard topic.config.permission.isReadable else { throw .unreadableTopic(progress.topic) }
        let queueId = pull.queue.stored.queueId
        guard queueId < topic.config.readQueueCount else { throw .illegalQueue(queueId, of: topic.config) }
        return topic.queues.queue(queueId, of: progress.topic, in: store)
    }
}
