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
            $0.messageModel = isClustering ? .clustering : .broadcasting
            $0.consumeFromWhere = configuration.start.wireName
            $0.subscriptions = subscriptions.sorted { $0.key < $1.key }.map { topic, subscription in
                SubscriptionData(topic: topic.text, filter: subscription.filter, version: subscription.announcedVersion)
            }
        }
    }

    /// Brings the queues held into line with what this member should have. Does nothing while the consumer is paused.
    func rebalance() async {
        guard !state.withLock({ $0.isPaused }) else { return }
        var changed: [String] = []
        let topics = subscribedTopics
        for topic in topics where !Task.isCancelled {
            let share = await core.share(of: topic, group: group, isBroadcasting: !isClustering, allocation: configuration.allocation)
            guard let mine = share else { continue }
            if await hold(mine, of: topic) { changed.append(topic) }
        }
        let unwanted = state.withLock { state in state.assigned.keys.filter { !topics.containsExactly($0.topic) } }
        await giveUp(unwanted)
        await unlockStrays()
        guard !changed.isEmpty || !unwanted.isEmpty else { return }
        renewVersions(of: changed)
        await core.sendHeartbeats()
    }

    /// Brokers are told of the subscriptions again, as newer ones than those of members whose queues have not changed.
    ///
    /// Pulls go on with the version that they had: a broker whose heartbeat is still on its way would refuse a newer one.
    private func renewVersions(of topics: [String]) {
        state.withLock { state in
            for topic in topics {
                let version = state.versions.next()
                state.subscriptions[topic]?.announcedVersion = version
            }
        }
    }

    /// Gives up the queues of a topic that are not mine, and takes those that are.
    /// - Returns: whether any of them changed.
    private func hold(_ mine: [MessageQueue], of topic: String) async -> Bool {
        let held = state.withLock { state in state.assigned.filter { $0.key.topic.isExactly(topic) } }
        let plan = RebalancePlan(held: held.keys, stuck: held.values.filter { $0.isStuck() || $0.waitsForBatch }.map(\.queue), mine: mine)
        guard !plan.isEmpty else { return false }
        for queue in plan.renewed { core.logger.warning("group \(group) gives \(queue) up and takes it again: it was not pulled, or not given back") }
        await giveUp(plan.dropped)
        let limits = cacheLimits(sharedBy: mine.count)
        for assigned in state.withLock({ Array($0.assigned.values) }) where assigned.queue.topic.isExactly(topic) { assigned.adjust(limits: limits) }
        let isTaken = await take(plan.added, limits)
        guard isTaken || !plan.dropped.isEmpty else { return false }
        core.logger.info("group \(group) now has \(heldQueues.count { $0.topic.isExactly(topic) }) queues of \(topic)")
        return true
    }

    private func giveUp(_ queues: [MessageQueue]) async {
        guard !queues.isEmpty else { return }
        let dropped = state.withLock { state in queues.compactMap { state.assigned[$0] } }
        let emptied = dropped.map { (assigned: $0, hadMessages: drop($0)) }
        if !locksQueues { remove(dropped) }
        announceAssignment()
        // In a task of its own: the next owner starts from these offsets, even when this consumer is just being closed.
        await Task { await self.persistOffsets(of: queues, thenForget: true) }.value
        guard locksQueues else { return }
        await withDiscardingTaskGroup { tasks in
            for (assigned, hadMessages) in emptied {
                tasks.addTask {
                    guard await self.mayGiveBack(assigned) else { return }
                    self.remove([assigned])
                    await self.unlock(assigned, hadMessages: hadMessages)
                }
            }
        }
    }

    /// Of each of so many queues of a topic.
    private func cacheLimits(sharedBy queueCount: Int) -> CacheLimits {
        let limits = configuration.cache.shared(by: queueCount)
        return isOrdered ? limits.withoutSpan : limits
    }

    /// They are this consumer's no more.
    func remove(_ queues: [AssignedQueue]) {
        state.withLock { state in
            for assigned in queues where state.assigned[assigned.queue] === assigned { state.assigned[assigned.queue] = nil }
        }
    }

    /// Takes queues side by side: one whose broker does not answer must not hold up the others.
    /// - Returns: whether any of them was taken.
    private func take(_ queues: [MessageQueue], _ limits: CacheLimits) async -> Bool {
        let allowed = await lockable(queues)
        let isAnyTaken = await withTaskGroup(of: Bool.self) { group in
            for queue in queues where allowed.contains(queue) { group.addTask { await self.take(queue, limits) } }
            return await group.reduce(false) { $0 || $1 }
        }
        if isAnyTaken { announceAssignment() }
        return isAnyTaken
    }

    /// Finds where to begin and starts to pull; false when that failed and is to be tried at the next rebalance.
    private func take(_ queue: MessageQueue, _ limits: CacheLimits) async -> Bool {
        do {
            let start = try await groupOffsets.start(of: queue, from: configuration.start)
            let counts = core.statistics.counts(topic: queue.topic, group: group)
            let taken: (AssignedQueue, (any Consumption)?)? = state.withLock { state in
                guard let running = state.life.running, state.assigned[queue] == nil else { return nil }
                let assigned = AssignedQueue(queue: queue, startOffset: start, limits: limits, isPaused: state.isPaused, counts: counts)
                state.assigned[queue] = assigned
                return (assigned, running.handlers?.consumption)
            }
            guard let (assigned, consumption) = taken else { return false }
            if locksQueues { assigned.setLocked(true) }
            commands.yield(.pull(assigned))
            consumption?.take(assigned)
            return true
        } catch where error.code == .cancelled || error.code == .closed {
            return false
        } catch {
            core.logger.warning("no start offset for \(queue) of group \(group): \(error)")
            return false
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
