public import RMQCommon
import RMQRemoting

/// What became of a message in one consumer group.
public struct MessageTrack: Sendable {
    /// The raw values are the reference's words.
    public enum Fate: String, Sendable {
        /// The group's offset is behind the message.
        case consumed = "CONSUMED"
        /// As `consumed`, but the group did not ask for its tag.
        case consumedButFiltered = "CONSUMED_BUT_FILTERED"
        /// The group pulls by itself: nobody knows.
        case pull = "PULL"
        /// The group's offset has not reached the message, or not at the broker that holds it.
        case notConsumedYet = "NOT_CONSUME_YET"
        /// No member of the group is connected.
        case notOnline = "NOT_ONLINE"
        /// It could not be found out; see `failure`.
        case unknown = "UNKNOWN"
    }

    /// The consumer group.
    public var group: String
    /// What became of the message there.
    public var fate: Fate
    /// Why it is not known, for ``Fate/notOnline`` and ``Fate/unknown``.
    public var failure: ClientError?

    /// Whether a subscription takes a message, by its tag. It does when it names no tag, or `*`.
    static func passes(_ message: StoredMessage, _ subscription: SubscriptionData) -> Bool {
        guard !subscription.tags.isEmpty, !subscription.tags.containsExactly("*") else { return true }
        return message.tags.map { subscription.tags.containsExactly($0) } ?? false
    }
}

extension Admin {
    /// The fate of a message in every group that consumes its topic.
    ///
    /// A group about which something cannot be found out is in the list with its failure.
    /// - Throws: when the groups themselves cannot be listed.
    public func tracks(of message: StoredMessage) async throws(ClientError) -> [MessageTrack] {
        guard let address = try await brokersOfTopic(known(message.topic)).first else { return [] }
        var tracks: [MessageTrack] = []
        for group in try await groups(consuming: message.topic, at: address) {
            tracks.append(await track(of: message, in: group))
        }
        return tracks
    }

    private func track(of message: StoredMessage, in group: String) async -> MessageTrack {
        do throws(ClientError) {
            let members = try await consumerConnection(group: group)
            guard members.consumeType == .passively else { return MessageTrack(group: group, fate: .pull) }
            guard try await isConsumed(message, by: group) else { return MessageTrack(group: group, fate: .notConsumedYet) }
            let passes = members.subscriptions[known(message.topic)].map { MessageTrack.passes(message, $0) } ?? true
            return MessageTrack(group: group, fate: passes ? .consumed : .consumedButFiltered)
        } catch {
            return MessageTrack(group: group, fate: error.responseCode == .consumerNotOnline ? .notOnline : .unknown, failure: error)
        }
    }

    /// Whether the group's offset in the message's queue, at the broker that stored it, is behind the message.
    private func isConsumed(_ message: StoredMessage, by group: String) async throws(ClientError) -> Bool {
        let stats = try await consumeStats(group: group)
        let brokers = try await clusterInfo().brokers
        return stats.queues.contains { queue, progress in
            queue.topic.isExactly(message.topic) && queue.queueId == message.queueId && progress.consumerOffset > message.queueOffset
                && brokers[queue.brokerName]?.masterAddress.isExactly(message.storeHost.description) == true
        }
    }
}
