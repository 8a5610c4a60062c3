import RMQCommon
import RMQRemoting
import Synchronization

extension PushConsumer {
    var subscribedTopics: [String] { state.withLock { Array($0.subscriptions.keys) } }

    func subscription(to topic: String) -> Subscription? { state.withLock { $0.subscriptions[topic] } }

    /// What heartbeats say about this consumer.
    var heartbeat: ConsumerData {
        let subscriptions = state.withLock { $0.subscriptions }
        return ConsumerData(
            group: group, messageModel: offsetPath == nil ? .clustering : .broadcasting,
            consumeFromWhere: configuration.start.wireName,
            subscriptions: subscriptions.sorted { $0.key < $1.key }.map { topic, subscription in
                SubscriptionData(
                    topic: topic, expression: subscription.filter.expression, tags: subscription.filter.tags.sorted(),
                    tagCodes: subscription.filter.tagHashes.sorted(), version: subscription.version)
            })
    }

    /// Brings the queues held into line with what this member should have.
    func rebalance() async {
        var hasChanged = false
        let topics = subscribedTopics
        for topic in topics where !Task.isCancelled {
            guard let mine = await share(of: topic) else { continue }
            let held = state.withLock { state in state.assigned.filter { $0.key.topic == topic } }
            let plan = RebalancePlan(held: held.keys, stuck: held.values.filter { $0.isStuck() }.map(\.queue), mine: mine)
            guard !plan.isEmpty else { continue }
            for queue in plan.renewed { core.logger.warning("\(queue) was not pulled for \(AssignedQueue.longestSilence); group \(group) takes it anew") }
            for queue in plan.dropped { await giveUp(queue) }
            var isTaken = !plan.dropped.isEmpty
            for queue in plan.added where await take(queue) { isTaken = true }
            guard isTaken else { continue }
            hasChanged = true
            core.logger.info("group \(group) now has \(assignment.count { $0.topic == topic }) queues of \(topic)")
        }
        for queue in state.withLock({ Array($0.assigned.keys) }) where !topics.contains(queue.topic) {
            await giveUp(queue)
            hasChanged = true
        }
        if hasChanged { await core.sendHeartbeats() }
    }

    /// The queues of a topic that belong to this member; nil when that cannot be said now.
    private func share(of topic: String) async -> [MessageQueue]? {
        do {
            let queues = try await core.route(of: topic).subscribeQueues
            guard !queues.isEmpty else { return nil }
            var members: [String]?
            if offsetPath == nil {
                members = try await core.members(ofGroup: group, topic: topic)
                if members?.contains(core.clientId) != true {
                    // The broker came into the route after the last heartbeat.
                    await core.sendHeartbeats()
                    members = try await core.members(ofGroup: group, topic: topic)
                }
                guard members != nil else { return nil }
            }
            return RebalancePlan.share(of: core.clientId, queues: queues, members: members, allocation: configuration.allocation)
        } catch {
            core.logger.debug("no rebalance of \(topic) for \(group): \(error)")
            return nil
        }
    }

    private func giveUp(_ queue: MessageQueue) async {
        guard let assigned = state.withLock({ $0.assigned.removeValue(forKey: queue) }) else { return }
        assigned.drop()
        await persistOffsets(of: queue)
        if offsetPath == nil { offsets.forget(queue) }
    }

    /// Finds where to begin and starts to pull; false when that failed and is to be tried at the next rebalance.
    private func take(_ queue: MessageQueue) async -> Bool {
        do {
            let start = try await startOffset(of: queue)
            let assigned = AssignedQueue(queue: queue, startOffset: start)
            let isTaken = state.withLock { state in
                guard !state.isClosed else { return false }
                state.assigned[queue] = assigned
                return true
            }
            if isTaken { commands.yield(.pull(assigned)) }
            return isTaken
        } catch {
            core.logger.warning("no start offset for \(queue) of group \(group): \(error)")
            return false
        }
    }

    private func startOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
        let timeout = Duration.seconds(5)
        let stored = offsetPath == nil
            ? try await core.committedOffset(group: group, queue: queue, timeout: timeout)
            : offsets[queue]
        let isRetryTopic = RetryTopic.isRetry(queue.topic)
        switch StartRule(stored: stored, position: configuration.start, isRetryTopic: isRetryTopic) {
        case .at(let offset): return offset
        case .end: return try await core.maxOffset(of: queue, timeout: timeout)
        case .timestamp(let time): return try await core.searchOffset(of: queue, at: time, timeout: timeout)
        }
    }

    // MARK: Offsets

    /// Stores what changed, at the brokers or in the file. What cannot be stored is tried again the next time.
    func persistOffsets(of queue: MessageQueue? = nil) async {
        let unsaved = offsets.takeUnsaved(of: queue)
        guard !unsaved.isEmpty else { return }
        if let offsetPath {
            do {
                try OffsetFile.save(offsets.all, to: offsetPath)
            } catch {
                offsets.storingFailed(unsaved.keys)
                core.logger.error("offsets of \(group) not written to \(offsetPath): \(error)")
            }
            return
        }
        for (queue, offset) in unsaved {
            do {
                try await core.commit(group: group, queue: queue, offset: offset, timeout: .seconds(5))
            } catch {
                offsets.storingFailed([queue])
                core.logger.warning("offset \(offset) of \(queue) for group \(group) not stored: \(error)")
            }
        }
    }
}

extension StartPosition {
    /// The name in heartbeats.
    var wireName: ConsumeFromWhere {
        switch self {
        case .first: .firstOffset
        case .last: .lastOffset
        case .timestamp: .timestamp
        }
    }
}

extension SubscriptionFilter {
    var tags: Set<String> {
        if case .tags(let tags) = self { tags } else { [] }
    }
}
