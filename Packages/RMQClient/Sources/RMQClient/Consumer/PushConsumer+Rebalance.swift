import RMQCommon
import RMQRemoting
import Synchronization

extension PushConsumer {
    var subscribedTopics: [String] { state.withLock { $0.subscriptions.keys.map(\.text) } }

    func subscription(to topic: String) -> Subscription? { state.withLock { $0.subscriptions[topic] } }

    /// What heartbeats say about this consumer.
    var heartbeat: ConsumerData {
        let subscriptions = state.withLock { $0.subscriptions }
        return ConsumerData {
            $0.group = group
            $0.messageModel = offsetPath == nil ? .clustering : .broadcasting
            $0.consumeFromWhere = configuration.start.wireName
            $0.subscriptions = subscriptions.sorted { $0.key < $1.key }.map { topic, subscription in
                SubscriptionData {
                    $0.topic = topic.text
                    $0.expression = subscription.filter.expression
                    $0.tags = subscription.filter.tags.sortedTexts
                    $0.tagCodes = subscription.filter.tagHashes.sorted()
                    $0.version = subscription.version
                }
            }
        }
    }

    /// Brings the queues held into line with what this member should have.
    func rebalance() async {
        var hasChanged = false
        let topics = subscribedTopics
        for topic in topics where !Task.isCancelled {
            guard let mine = await share(of: topic) else { continue }
            let held = state.withLock { state in state.assigned.filter { $0.key.topic.isExactly(topic) } }
            let plan = RebalancePlan(held: held.keys, stuck: held.values.filter { $0.isStuck() }.map(\.queue), mine: mine)
            guard !plan.isEmpty else { continue }
            for queue in plan.renewed { core.logger.warning("\(queue) was not pulled for \(AssignedQueue.longestSilence); group \(group) takes it again") }
            await giveUp(plan.dropped)
            let isTaken = await take(plan.added)
            guard isTaken || !plan.dropped.isEmpty else { continue }
            hasChanged = true
            core.logger.info("group \(group) now has \(assignment.count { core.namespace.wrap($0.topic).isExactly(topic) }) queues of \(topic)")
        }
        let unwanted = state.withLock { state in state.assigned.keys.filter { !topics.containsExactly($0.topic) } }
        if !unwanted.isEmpty {
            await giveUp(unwanted)
            hasChanged = true
        }
        if hasChanged { await core.sendHeartbeats() }
    }

    /// The queues of a topic that belong to this member; nil when that cannot be said now.
    private func share(of topic: String) async -> [MessageQueue]? {
        do {
            let queues = try await core.existingRoute(of: topic).subscribeQueues
            guard !queues.isEmpty else { return nil }
            var members: [String]?
            if offsetPath == nil {
                members = try await core.members(ofGroup: group, topic: topic)
                if members?.containsExactly(core.clientId) != true {
                    // The broker came into the route after the last heartbeat.
                    await core.sendHeartbeats()
                    members = try await core.members(ofGroup: group, topic: topic)
                }
                guard members != nil else { return nil }
            }
            return RebalancePlan.share(of: core.clientId, queues: queues, members: members, allocation: configuration.allocation)
        } catch where error.code == .routeNotFound {
            core.logger.debug("no rebalance of \(topic) for group \(group): \(error)")
        } catch where error.code == .cancelled || error.code == .closed {
            // The consumer is being closed.
        } catch {
            core.logger.warning("no rebalance of \(topic) for group \(group) now: \(error)")
        }
        return nil
    }

    private func giveUp(_ queues: [MessageQueue]) async {
        guard !queues.isEmpty else { return }
        let dropped = state.withLock { state in queues.compactMap { state.assigned.removeValue(forKey: $0) } }
        for assigned in dropped { assigned.drop() }
        // In a task of its own: the next owner starts from these offsets, even when this consumer is just being closed.
        await Task { await self.persistOffsets(of: queues, thenForget: self.offsetPath == nil) }.value
    }

    /// Takes queues side by side: one whose broker does not answer must not hold up the others.
    /// - Returns: whether any of them was taken.
    private func take(_ queues: [MessageQueue]) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for queue in queues { group.addTask { await self.take(queue) } }
            return await group.reduce(false) { $0 || $1 }
        }
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
        } catch where error.code == .cancelled || error.code == .closed {
            return false
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
        let start: Int64
        switch StartRule(stored: stored, position: configuration.start, isRetryTopic: RetryTopic.isRetry(queue.topic)) {
        case .at(let offset): start = offset
        case .end: start = try await core.maxOffset(of: queue, timeout: timeout)
        case .timestamp(let time): start = try await core.searchOffset(of: queue, at: time, timeout: timeout)
        }
        guard start >= 0 else { throw ClientError(.malformedAnswer, "the broker of \(queue) answered with offset \(start)") }
        return start
    }

    // MARK: Offsets

    /// Stores what changed, at the brokers or in the file. What cannot be stored is tried again the next time.
    ///
    /// One call at a time: a value that is on its way must not arrive after a later one, nor after its queue was given up.
    /// - Parameters:
    ///   - queues: the ones to store; nil stores all.
    ///   - thenForget: whether these queues are not this consumer's any more.
    func persistOffsets(of queues: [MessageQueue]? = nil, thenForget: Bool = false) async {
        await persistence.run {
            let unsaved = offsets.takeUnsaved(of: queues)
            if !unsaved.isEmpty {
                if let offsetPath { save(unsaved, to: offsetPath) } else { await commit(unsaved) }
            }
            if thenForget, let queues { offsets.forget(queues) }
        }
    }

    private func save(_ unsaved: [MessageQueue: Int64], to path: String) {
        do {
            try OffsetFile.save(offsets.all, to: path)
        } catch {
            offsets.storingFailed(unsaved.keys)
            core.logger.error("offsets of group \(group) not written to \(path): \(error)")
        }
    }

    /// All at once, so that a broker that does not answer costs one time-out and not one a queue.
    private func commit(_ unsaved: [MessageQueue: Int64]) async {
        await withDiscardingTaskGroup { tasks in
            for (queue, offset) in unsaved {
                tasks.addTask {
                    do {
                        try await self.core.commit(group: self.group, queue: queue, offset: offset, timeout: .seconds(5))
                    } catch {
                        self.offsets.storingFailed([queue])
                        self.core.logger.warning("offset \(offset) of \(queue) for group \(self.group) not stored: \(error)")
                    }
                }
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
    var tags: Set<ByteText> {
        if case .tags(let tags) = self { tags } else { [] }
    }
}
