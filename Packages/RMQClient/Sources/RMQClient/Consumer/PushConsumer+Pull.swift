import RMQCommon
import RMQRemoting
import Synchronization

extension PushConsumer {
    /// How long a broker holds a pull that finds nothing.
    private static let suspend = Duration.seconds(15)
    static let pullTimeout = Duration.seconds(30)
    /// Handlers that are still at work must not overwrite an offset that is set from outside.
    private static let correctionDelay = Duration.seconds(10)
    private static let brokerFlowControlDelay = Duration.milliseconds(20)

    /// Pulls from one queue until it is dropped or the task is cancelled.
    func pullLoop(_ assigned: AssignedQueue) async {
        var loop = PullLoop(assigned, needsLock: locksQueues)
        while !assigned.isDropped, !Task.isCancelled {
            await assigned.waitForRoom()
            assigned.loopMoves()
            guard let subscription = subscription(to: assigned.queue.topic) else {
                // The next rebalance drops the queue, unless the subscription comes back before.
                try? await Task.sleep(for: configuration.errorDelay)
                continue
            }
            do {
                guard try await mayPull(&loop) else {
                    try? await Task.sleep(for: configuration.errorDelay)
                    continue
                }
                try await pull(&loop, subscription)
            } catch where error.responseCode == .flowControl {
                try? await Task.sleep(for: Self.brokerFlowControlDelay)
            } catch where error.code == .cancelled || error.code == .closed {
                return
            } catch where error.responseCode == .subscriptionNotExist || error.responseCode == .subscriptionNotLatest {
                // The broker was restarted, or the change of a subscription has not reached it yet.
                await core.sendHeartbeats()
                try? await Task.sleep(for: configuration.errorDelay)
            } catch {
                if error.isConnectionFailure { await core.refreshRouteAfterFailure(of: assigned.queue.topic) }
                core.logger.warning("pull from \(assigned.queue) by group \(group) failed, next try in \(configuration.errorDelay): \(error)")
                try? await Task.sleep(for: configuration.errorDelay)
            }
        }
    }

    /// Where the loop of one queue is.
    private struct PullLoop {
        let assigned: AssignedQueue
        var offset: Int64
        /// The member of the broker set to ask.
        var brokerId: Int64 = 0
        let needsLock: Bool
        /// Unreadable messages from `offset` on that their broker, or another, has back.
        var givenBack: Set<Int64> = []
        /// The group's offset was read while the lock was ours: the member that had it before may have stored one late.
        var hasReadOffset: Bool

        init(_ assigned: AssignedQueue, needsLock: Bool) {
            self.assigned = assigned
            offset = assigned.startOffset
            self.needsLock = needsLock
            hasReadOffset = !needsLock
        }
    }

    private func mayPull(_ loop: inout PullLoop) async throws(ClientError) -> Bool {
        guard loop.needsLock else { return true }
        guard loop.assigned.isLocked() else { return false }
        if !loop.hasReadOffset {
            loop.offset = try await groupOffsets.start(of: loop.assigned.queue, from: configuration.start)
            loop.hasReadOffset = true
        }
        return true
    }

    /// Pulls once, or as long as nothing happens but that messages come.
    private func pull(_ loop: inout PullLoop, _ subscription: Subscription) async throws(ClientError) {
        let assigned = loop.assigned
        let request = pullRequest(of: assigned, from: loop.offset, subscription)
        if configuration.pullInterval > .zero {
            let start = MonotonicInstant.now
            let result = try await core.pull(request, preferring: loop.brokerId, timeout: Self.pullTimeout)
            return try await take(result, &loop, elapsed: MonotonicInstant.now - start)
        }
        let reader = try await core.reader(of: assigned.queue, preferring: loop.brokerId)
        try core.checkVersion(of: reader.address, for: subscription.filter)
        let receiver = QueueReceiver(consumer: self, assigned: assigned, subscription: subscription, needsLock: loop.needsLock)
        let burst = PullBurst(core, for: receiver, request, at: reader, brokerId: loop.brokerId, timeout: Self.pullTimeout)
        let (end, offset) = await burst.run()
        loop.offset = offset
        switch end {
        case .stopped: break
        case .answer(let result, let elapsed): try await take(result, &loop, elapsed: elapsed)
        case .failed(let error): throw error
        }
    }

    /// One queue, as long as it is pulled in the same way.
    private struct QueueReceiver: PullReceiver {
        let consumer: PushConsumer
        let assigned: AssignedQueue
        let subscription: Subscription
        /// Whether the broker's lock must be ours.
        let needsLock: Bool

        func beginPull() -> Int64? {
            assigned.loopMoves()
            return consumer.committedOffset(of: assigned)
        }

        func mayPull(beside coming: ComingMessages?) -> Bool {
            assigned.mayPull(beside: coming) && (!needsLock || assigned.isLocked())
                && consumer.subscription(to: assigned.queue.topic)?.version == subscription.version
        }

        func take(_ result: PullResult, elapsed: Duration, behindFlushOf loop: EventLoop?) {
            consumer.take(result, from: assigned, elapsed: elapsed, behindFlushOf: loop)
        }
    }

    /// How far the group has come, for a pull to tell; nil when there is nothing to tell.
    private func committedOffset(of assigned: AssignedQueue) -> Int64? {
        assigned.advance(moving: offsets)
        guard isClustering, let offset = offsets[assigned.queue], offset > 0 else { return nil }
        return offset
    }

    /// The next pull, which tells the broker how far the group has come.
    private func pullRequest(of assigned: AssignedQueue, from offset: Int64, _ subscription: Subscription) -> QueuePull {
        QueuePull(
            group: group, queue: assigned.queue, offset: offset, maxCount: configuration.pullBatchSize, filter: subscription.filter,
            subscriptionVersion: subscription.version, committed: committedOffset(of: assigned), suspend: Self.suspend,
            carriesExpression: false)
    }

    /// Does what an answer asks for.
    private func take(_ result: PullResult, _ loop: inout PullLoop, elapsed: Duration) async throws(ClientError) {
        let assigned = loop.assigned
        loop.brokerId = result.suggestedBrokerId
        if result.status == .offsetIllegal {
            core.logger.warning("offset \(loop.offset) of \(assigned.queue) is outside the queue; going on at \(result.nextOffset)")
            drop(assigned)
            announceAssignment()
            commands.yield(.correct(assigned, offset: result.nextOffset))
            return
        }
        // Before the offset moves: when a message finds no place, the pull is repeated.
        let readable = try await withoutUnreadable(result, &loop)
        loop.offset = result.nextOffset
        loop.givenBack = []
        take(readable, from: assigned, elapsed: elapsed)
        if result.status == .found, configuration.pullInterval > .zero { try? await Task.sleep(for: configuration.pullInterval) }
    }

    /// Caches what a pull brought, or notes that there was nothing. Does not wait.
    private func take(_ result: PullResult, from assigned: AssignedQueue, elapsed: Duration, behindFlushOf loop: EventLoop? = nil) {
        guard result.status == .found else { return assigned.skip(to: result.nextOffset, moving: offsets) }
        assigned.counts?.countPull(result.messages.count, elapsed: elapsed)
        deliver(result.messages, from: assigned, behindFlushOf: loop)
    }

    /// Messages whose body cannot be restored go back to the broker: another member may know their compression. The queue goes on.
    private func withoutUnreadable(_ result: PullResult, _ loop: inout PullLoop) async throws(ClientError) -> PullResult {
        // Of a queue that was taken away nothing is handed out or sent back.
        guard !result.unreadable.isEmpty, !loop.assigned.isDropped else { return result }
        let queue = loop.assigned.queue
        for (index, cause) in result.unreadable where !loop.givenBack.contains(result.messages[index].queueOffset) {
            let message = asSent(result.messages[index])
            core.logger.error("the body of message \(message.messageId) in \(queue) cannot be restored, group \(group) gives it back: \(cause)")
            guard isClustering else { continue }
            try await core.sendBack(message, bodyIsStored: true, pulledFrom: queue, of: group, level: 0, atMost: mostRedeliveries)
            loop.givenBack.insert(message.queueOffset)
        }
        return result.readable
    }

    private func deliver(_ messages: [StoredMessage], from assigned: AssignedQueue, behindFlushOf loop: EventLoop?) {
        var messages = messages
        if assigned.queue.topic.isExactly(RetryTopic.name(group)) {
            for index in messages.indices { restoreTopic(&messages[index]) }
        }
        guard let run = assigned.cache(core.namespace.unwrap(messages)), !isOrdered else { return }
        inbox.put(run, behindFlushOf: loop)
    }

    /// A message as handlers see it: under the topic that it was sent to, by its bare name.
    func asSent(_ message: StoredMessage) -> StoredMessage {
        var message = message
        if message.topic.isExactly(RetryTopic.name(group)) { restoreTopic(&message) }
        return core.namespace.unwrap(message)
    }

    /// A message that came back from a failed attempt lies in the retry topic.
    private func restoreTopic(_ message: inout StoredMessage) {
        if let original = message.properties[PropertyName.retryTopic] { message.topic = original }
    }

    // MARK: Offsets from outside

    /// Stores the offset that a broker corrected, and lets the next rebalance take the queue again from there.
    func correct(_ assigned: AssignedQueue, to offset: Int64) async {
        guard (try? await Task.sleep(for: Self.correctionDelay)) != nil else { return }
        await set([(assigned, offset)])
        wakeRebalance()
    }

    /// Goes on at other offsets: gives the queues up, waits until handlers that are at work are likely done, and takes them again from there.
    func resetOffsets(to offsets: [MessageQueue: Int64]) async {
        let queues = state.withLock { state in offsets.compactMap { queue, offset in state.assigned[queue].map { ($0, offset) } } }
        for (assigned, _) in queues { drop(assigned) }
        announceAssignment()
        guard !queues.isEmpty, (try? await Task.sleep(for: Self.correctionDelay)) != nil else { return }
        await set(queues)
        wakeRebalance()
    }

    private func set(_ queues: [(assigned: AssignedQueue, offset: Int64)]) async {
        // A queue may have gone to another member meanwhile, who corrects the offset for itself.
        let mine = queues.filter { entry in state.withLock { $0.assigned[entry.assigned.queue] === entry.assigned } }
        for (assigned, offset) in mine { offsets.reset(assigned.queue, to: offset) }
        await persistOffsets(of: mine.map(\.assigned.queue), thenForget: true)
        // One whose ordered handler is still at work stays: another one must not begin beside it.
        for (assigned, _) in mine {
            if await mayGiveBack(assigned) { remove([assigned]) }
        }
    }
}
