import RMQCommon
import RMQRemoting

/// What became of a message in one consumer group.
struct MessageTrack: Equatable {
    enum Fate: String {
        case consumed = "CONSUMED"
        case consumedButFiltered = "CONSUMED_BUT_FILTERED"
        case pull = "PULL"
        case notConsumedYet = "NOT_CONSUME_YET"
        case notOnline = "NOT_ONLINE"
        case unknown = "UNKNOWN"
    }

    var group: String
    var fate: Fate
    var reason: String?

    var text: String {
        "MessageTrack [consumerGroup=\(group), trackType=\(fate.rawValue), exceptionDesc=\(reason ?? "null")]"
    }
}

extension ClusterAccess {
    /// The fate of a message in every group that consumes its topic.
    func tracks(of message: StoredMessage) async throws(AdminError) -> [MessageTrack] {
        guard let address = try await route(of: message.topic).brokers.first?.anyAddress else { return [] }
        var tracks: [MessageTrack] = []
        for group in try await groups(consuming: message.topic, at: address) {
            tracks.append(await track(of: message, in: group))
        }
        return tracks
    }

    private func track(of message: StoredMessage, in group: String) async -> MessageTrack {
        do throws(AdminError) {
            let members = try await consumers(of: group)
            guard members.consumeType == .passively else { return MessageTrack(group: group, fate: .pull) }
            guard try await isConsumed(message, by: group) else { return MessageTrack(group: group, fate: .notConsumedYet) }
            let passes = members.subscriptions[message.topic].map { Self.passes(message, $0) } ?? true
            return MessageTrack(group: group, fate: passes ? .consumed : .consumedButFiltered)
        } catch {
            guard case .refused(let code, let remark, _) = error else {
                return MessageTrack(group: group, fate: .unknown, reason: error.detail)
            }
            let fate: MessageTrack.Fate = code == ResponseCode.consumerNotOnline.rawValue ? .notOnline : .unknown
            return MessageTrack(group: group, fate: fate, reason: "CODE:\(code) DESC:\(remark)")
        }
    }

    private func isConsumed(_ message: StoredMessage, by group: String) async throws(AdminError) -> Bool {
        let stats = try await consumeStats(of: group)
        let brokers = try await clusterInfo().brokers
        return stats.queues.contains { queue, progress in
            queue.topic.isExactly(message.topic) && queue.queueId == message.queueId && progress.consumerOffset > message.queueOffset
                && brokers[queue.brokerName]?.masterAddress.isExactly(message.storeHost.description) == true
        }
    }

    static func passes(_ message: StoredMessage, _ subscription: SubscriptionData) -> Bool {
        guard !subscription.tags.isEmpty, !subscription.tags.containsExactly("*") else { return true }
        return message.tags.map { subscription.tags.containsExactly($0) } ?? false
    }
}
