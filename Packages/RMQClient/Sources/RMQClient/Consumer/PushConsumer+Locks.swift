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

    // MARK: Asking for them

    /// Renews the locks until the task is cancelled.
    func keepLocks() async {
        guard locksQueues, (try? await Task.sleep(for: Self.firstRenewal)) != nil else { return }
        await lockAll()
        await every(Self.renewalInterval) { await self.lockAll() }
    }

    private func lockAll() async { await lock(state.withLock { Array($0.assigned.values) }) }

    /// Asks for the locks of queues. What a broker does not say changes nothing: a lock that is not renewed ends by itself.
    func lock(_ queues: [AssignedQueue]) async {
        await eachBroker(of: queues, \.queue) { queues in
            // Looked at when it is their turn: the lock of a queue that was given up meanwhile must not come back.
            let queues = queues.filter { self.needsLock($0) }
            guard let granted = await self.ask(queues.map(\.queue)) else { return }
            for assigned in queues {
                let isLocked = granted.contains(assigned.queue)
                if !isLocked { self.core.logger.info("\(assigned.queue) is locked by another member of group \(self.group)") }
                assigned.setLocked(isLocked)
            }
        }
    }

    /// A queue that was taken away keeps its lock until its handler is done.
    private func needsLock(_ assigned: AssignedQueue) -> Bool {
        guard state.withLock({ $0.assigned[assigned.queue] === assigned }) else { return false }
        return !assigned.isDropped || assigned.isHandling
    }

    /// Which of the queues may be taken: all of them, or those whose lock the brokers give.
    func lockable(_ queues: [MessageQueue]) async -> Set<MessageQueue> {
        guard locksQueues else { return Set(queues) }
        let lockable = Mutex<Set<MessageQueue>>([])
        await eachBroker(of: queues, \.self) { queues in
            if let granted = await self.ask(queues) { lockable.withLock { $0.formUnion(granted) } }
        }
        return lockable.withLock { $0 }
    }

    /// - Parameter queues: all of one broker, whose turn it is.
    /// - Returns: those whose lock is ours; nil when the broker did not say.
    private func ask(_ queues: [MessageQueue]) async -> Set<MessageQueue>? {
        guard !queues.isEmpty, state.withLock({ $0.locks.ask(queues) }) else { return nil }
        do {
            let granted = try await core.lock(queues, group: group)
            state.withLock { $0.locks.forget(queues.filter { !granted.contains($0) }) }
            return granted
        } catch {
            core.warn(of: error, "queues of group \(group) not locked: \(error)")
            return nil
        }
    }

    // MARK: Giving them back

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
            state.withLock { $0.locks.leave(assigned.queue) }
            commands.yield(.unlock(assigned.queue))
        } else {
            await unlock([assigned.queue]) { $0.locks.isHeld($1) && $0.assigned[$1] == nil }
        }
    }

    /// Gives a lock back after a while, unless the queue is ours again by then, or was.
    func unlockLater(_ queue: MessageQueue) async {
        guard (try? await Task.sleep(for: Self.unlockDelay)) != nil else { return }
        await unlock([queue]) { $0.locks.isLeaving($1) }
    }

    /// Gives back what was locked and then not taken: no start was found, or it was given up by a reset of offsets.
    ///
    /// Within a rebalance alone, which is who takes queues.
    func unlockStrays() async {
        guard locksQueues else { return }
        await unlock(state.withLock { $0.locks.held }) { $0.locks.isHeld($1) && $0.assigned[$1] == nil }
    }

    /// Gives all locks back, those too of queues that were given up before; the consumer is being closed.
    func unlockAll() async {
        await unlock(state.withLock { $0.locks.finish() }, waits: true) { _, _ in true }
    }

    /// - Parameters:
    ///   - waits: for the answers.
    ///   - isDue: whether the locks are still to be given back when it is their turn.
    private func unlock(
        _ queues: [MessageQueue], waits: Bool = false, if isDue: @escaping @Sendable (State, MessageQueue) -> Bool
    ) async {
        await eachBroker(of: queues, \.self) { queues in
            let queues = self.state.withLock { state in queues.filter { isDue(state, $0) } }
            guard !queues.isEmpty else { return }
            do throws(ClientError) {
                try await self.core.unlock(queues, group: self.group, waits: waits)
            } catch where error.code == .cancelled {
                // The consumer is being closed, which gives them back once more.
                return
            } catch {
                self.core.logger.debug("queues of group \(self.group) not unlocked: \(error)")
            }
            self.state.withLock { $0.locks.forget(queues) }
        }
    }

    // MARK: Brokers

    /// Runs `work` for the queues of each broker, side by side: a broker that does not answer must not hold up the others.
    private func eachBroker<Element: Sendable>(
        of elements: [Element], _ queue: (Element) -> MessageQueue, _ work: @escaping @Sendable ([Element]) async -> Void
    ) async {
        let byBroker = Dictionary(grouping: elements) { ByteText(queue($0).brokerName) }
        await withDiscardingTaskGroup { tasks in
            for (broker, elements) in byBroker {
                let gate = state.withLock { $0.locks.gate(of: broker.text) }
                tasks.addTask { await gate.run { await work(elements) } }
            }
        }
    }
}
