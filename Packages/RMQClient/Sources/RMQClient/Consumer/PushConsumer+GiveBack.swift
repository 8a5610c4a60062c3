import RMQCommon
import Synchronization

/// Messages that a handler failed to consume, or did not end with.
extension PushConsumer {
    /// Messages of one queue that are given back in one round because their time is up.
    private static let mostExpired = 16
    /// The level of a message whose handler took too long: that of a first retry.
    private static let expiredLevel: Int32 = 3
    /// Looks for messages whose time is up in one `consumeTimeout`, so that one waits for a quarter more at most.
    private static let looksPerTimeout = 4

    /// Ends a hand-out of a message that goes back to the broker, unless it has ended before.
    ///
    /// What a handler says that was cancelled does not count: its message comes to another member, not to the same group later.
    /// - Parameter level: as brokers read it: 0 for their own choice, negative for the dead letters.
    func giveBack(_ run: PulledRun, _ index: Int, _ mark: MessageMark, level: Int32) async {
        guard !Task.isCancelled, let returning = run.beginReturn(index, mark) else { return }
        await sendBack(run, index, returning, level: level)
    }

    /// - Parameter mark: of the message that is returning.
    func sendBack(_ run: PulledRun, _ index: Int, _ mark: MessageMark, level: Int32) async {
        // It belongs to another member by now, which gets it anyway.
        guard !run.queue.isDropped else { return }
        let message = run.message(index, attempt: mark.attempt)
        guard isClustering else {
            core.logger.warning("message \(message.messageId) failed and is dropped by the broadcasting group \(group)")
            run.settle(index, mark)
            return
        }
        do {
            try await core.sendBack(message, pulledFrom: run.queue.queue, of: group, level: level, atMost: mostRedeliveries)
            run.settle(index, mark)
        } catch {
            core.logger.warning(
                "message \(message.messageId) of group \(group) comes again here in \(configuration.redeliveryDelay): no broker took it: \(error)")
            run.fail(index, mark)
            commands.yield(.redeliver(run, index))
        }
    }

    /// How often a message of concurrent handlers may come again.
    var mostRedeliveries: Int32 { configuration.maxRedeliveries.map { Int32(clamping: $0) } ?? ClientCore.usualRedeliveries }

    // MARK: What nobody ends

    /// Takes a queue away. Deliveries of it keep their places until they are settled, or `consumeTimeout` is over.
    /// - Returns: whether messages were cached.
    @discardableResult
    func drop(_ assigned: AssignedQueue) -> Bool {
        let runs = assigned.drop(moving: offsets)
        state.withLock { state in
            guard state.life.mode == .deliveries else { return }
            state.adrift += runs
            state.adrift.removeAll { !$0.isInHand }
        }
        return !runs.isEmpty
    }

    /// Gives back what was handed out longer than `consumeTimeout` ago, until the task is cancelled.
    func giveBackExpired() async {
        guard !isOrdered else { return }
        await every(configuration.consumeTimeout / Self.looksPerTimeout) {
            let limit = CoarseClock.milliseconds() - self.configuration.consumeTimeout.milliseconds
            await withDiscardingTaskGroup { tasks in
                for (run, index, mark) in self.inHand(before: limit) {
                    tasks.addTask { await self.giveBackExpired(run, index, mark) }
                }
            }
        }
    }

    /// What was handed out before a moment and is still in hand; of a queue that was taken away, as far as it keeps a place.
    private func inHand(before limit: Int64) -> [(run: PulledRun, index: Int, mark: MessageMark)] {
        let (assigned, adrift) = state.withLock { state in
            state.adrift.removeAll { !$0.isInHand }
            return (Array(state.assigned.values), state.adrift)
        }
        return assigned.flatMap { $0.inHand(before: limit, atMost: Self.mostExpired) }
            + adrift.flatMap { run in run.inHand(before: limit).map { (run: run, index: $0.index, mark: $0.mark) } }
    }

    private func giveBackExpired(_ run: PulledRun, _ index: Int, _ mark: MessageMark) async {
        guard let returning = run.beginReturn(index, mark) else { return }
        let outcome = run.queue.isDropped ? "its queue was taken away meanwhile" : "it goes back"
        core.logger.warning("message \(run.messages[index].messageId) of group \(group) took longer than \(configuration.consumeTimeout); \(outcome)")
        // The place of a delivery is free again. A handler keeps its own until it ends.
        if takesDeliveries { places.release() }
        await sendBack(run, index, returning, level: Self.expiredLevel)
    }

    private var takesDeliveries: Bool { state.withLock { $0.life.mode == .deliveries } }
}
