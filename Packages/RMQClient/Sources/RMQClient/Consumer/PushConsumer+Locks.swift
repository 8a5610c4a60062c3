import RMQCommon
import Synchronization

/// Queues that are consumed in order, and the brokers' locks of them.
extension PushConsumer {
    /// How often locks are renewed: the broker holds one for a minute, we trust one for half of that.
    private static let renewalInterval = Duration.seconds(20)
    private static let firstRenewal = Duration.seconds(1)
    /// How long a rebalance waits for the batch that is being handled.
    private static let batchPatience = Duration.seconds(1)
    /// A queue that had messages in the cache is unlocked later, as the reference does.
    private static let unlockDelay = Duration.seconds(20)

    /// Whether queues are handed out under the broker's lock.
    var locksQueues: Bool { isClustering && isOrdered }

    /// Renews the locks until the task is cancelled.
    func keepLocks() async {
        guard locksQueues, (try? await Task.sleep(for: Self.firstRenewal)) != nil else { return }
        await lockAll()
        await every(Self.renewalInterval) { await self.lockAll() }
    }

    private func lockAll() async {
        // A queue that was taken away keeps its lock until its handler is done.
        await lock(state.withLock { Array($0.assigned.values) }.filter { !$0.isDropped || $0.isHandling })
    }

    /// Asks for the locks of queues. What a broker does not say changes nothing: a lock that is not renewed ends by itself.
    func lock(_ queues: [AssignedQueue]) async {
        await withDiscardingTaskGroup { tasks in
            for queues in byBroker(queues, \.queue) {
                tasks.addTask {
                    do {
                        let granted = try await self.core.lock(queues.map(\.queue), group: self.group)
                        for assigned in queues {
                            let isLocked = granted.contains(assigned.queue)
                            if !isLocked { self.core.logger.info("\(assigned.queue) is locked by another member of group \(self.group)") }
                            assigned.setLocked(isLocked)
                        }
                    } catch {
                        self.core.warn(of: error, "queues of group \(self.group) not locked: \(error)")
                    }
                }
            }
        }
    }

    /// Which of the queues may be taken: all of them, or those whose lock the brokers give.
    func lockable(_ queues: [MessageQueue]) async -> Set<MessageQueue> {
        guard locksQueues else { return Set(queues) }
        return await withTaskGroup(of: Set<MessageQueue>.self) { tasks in
            for queues in byBroker(queues, \.self) {
                tasks.addTask {
                    do {
                        return try await self.core.lock(queues, group: self.group)
                    } catch {
                        self.core.warn(of: error, "queues of group \(self.group) not locked: \(error)")
                        return []
                    }
                }
            }
            return await tasks.reduce(into: []) { $0.formUnion($1) }
        }
    }

    /// Waits for the batch that is being handled, but not long.
    /// - Returns: whether the queue may go to another member.
    func mayGiveBack(_ assigned: AssignedQueue) async -> Bool {
        guard locksQueues else { return true }
        let deadline = MonotonicInstant.now + Self.batchPatience
        while assigned.isHandling {
            guard MonotonicInstant.now < deadline, (try? await Task.sleep(for: .milliseconds(10))) != nil else {
                core.logger.warning("\(assigned.queue) stays with group \(group) until its handler is done")
                assigned.countUnlockTry()
                return false
            }
        }
        return true
    }

    /// Gives the lock of a queue back that was taken away.
    func unlock(_ assigned: AssignedQueue, hadMessages: Bool) async {
        guard locksQueues else { return }
        if hadMessages {
            commands.yield(.unlock(assigned.queue))
        } else {
            await unlockNow(assigned.queue)
        }
    }

    /// Gives a lock back after a while, unless the queue is ours again by then.
    func unlockLater(_ queue: MessageQueue) async {
        try? await Task.sleep(for: Self.unlockDelay)
        // In a task of its own: when the consumer is being closed, other members wait for the queue.
        if state.withLock({ $0.assigned[queue] == nil }) { await Task { await self.unlockNow(queue) }.value }
    }

    private func unlockNow(_ queue: MessageQueue) async {
        do {
            try await core.unlock([queue], group: group, waits: false)
        } catch {
            core.logger.debug("\(queue) not unlocked: \(error)")
        }
    }

    /// Gives all locks back; the consumer is being closed.
    func unlockAll(_ queues: [AssignedQueue]) async {
        guard locksQueues else { return }
        await withDiscardingTaskGroup { tasks in
            for queues in byBroker(queues.map(\.queue), \.self) {
                tasks.addTask {
                    do {
                        try await self.core.unlock(queues, group: self.group, waits: true)
                    } catch {
                        self.core.logger.debug("queues of group \(self.group) not unlocked: \(error)")
                    }
                }
            }
        }
    }

    private func byBroker<Element>(_ elements: [Element], _ queue: (Element) -> MessageQueue) -> [[Element]] {
        Array(Dictionary(grouping: elements) { ByteText(queue($0).brokerName) }.values)
    }
}
