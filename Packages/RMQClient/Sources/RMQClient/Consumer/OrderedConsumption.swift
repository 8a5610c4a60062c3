import RMQCommon

/// Handlers in order: a loop for each queue, which hands out its oldest messages and waits for what becomes of them.
///
/// When the members of a group share the queues, the broker's lock makes sure that a queue has one handler, whoever the members believe
/// owns it: nothing is handed out without it, and a queue is given back only when its handler is done.
struct OrderedConsumption: Consumption {
    typealias Handler = @Sendable ([StoredMessage]) async throws -> OrderedConsumeResult

    let consumer: PushConsumer
    let handler: Handler
    private let queues: AsyncStream<AssignedQueue>
    private let taken: AsyncStream<AssignedQueue>.Continuation

    /// Pause before a lock is asked for again that the broker did not give.
    private static let lockRetryDelay = Duration.seconds(3)
    private static let suspensions = Duration.milliseconds(10)...Duration.seconds(30)

    init(_ consumer: PushConsumer, _ handler: @escaping Handler) {
        self.consumer = consumer
        let interceptors = consumer.configuration.interceptors
        let handler = Self.traced(handler, by: consumer.core, group: consumer.group, limit: consumer.configuration.consumeTimeout)
        if interceptors.isEmpty {
            self.handler = handler
        } else {
            let chain = InterceptorChain(interceptors: interceptors)
            self.handler = { messages in try await chain.run(messages, settled: .success, handler) }
        }
        (queues, taken) = AsyncStream.makeStream()
    }

    func take(_ assigned: AssignedQueue) { taken.yield(assigned) }

    /// Runs until it is cancelled: the loops end by themselves, but new queues may come.
    func run() async {
        await withDiscardingTaskGroup { tasks in
            for await assigned in queues { tasks.addTask { await handle(assigned) } }
            tasks.cancelAll()
        }
    }

    private var needsLock: Bool { consumer.isClustering }

    // MARK: One queue

    private func handle(_ assigned: AssignedQueue) async {
        while await assigned.waitForMessages() {
            guard await holdsLock(assigned) else {
                await pause(Self.lockRetryDelay)
                continue
            }
            // A place for one batch: queues take turns when there are more of them than places.
            guard await consumer.places.acquire() else { return }
            let batch = assigned.beginBatch(atMost: consumer.configuration.batchSize, needsLock: needsLock)
            guard !batch.isEmpty else {
                consumer.places.release()
                continue
            }
            let suspension = await handle(batch, of: assigned)
            assigned.endBatch()
            consumer.places.release()
            if let suspension { await pause(suspension) }
        }
    }

    private func holdsLock(_ assigned: AssignedQueue) async -> Bool {
        guard needsLock, !assigned.isLocked() else { return true }
        await consumer.lock([assigned])
        return assigned.isLocked()
    }

    private func pause(_ time: Duration) async { try? await Task.sleep(for: time) }

    /// - Returns: how long the queue stands still; nil when it goes on.
    private func handle(_ batch: [(run: PulledRun, index: Int)], of assigned: AssignedQueue) async -> Duration? {
        var tally = ConsumeTally(of: assigned)
        let now = CoarseClock.milliseconds()
        assigned.handedOut(now: now)
        let handedOut = batch.map { run, index in
            (run, index, mark: run.handOut(index, attempt: run.mark(of: index).attempt, now: now))
        }
        let messages = handedOut.map { run, index, mark in run.message(index, attempt: mark.attempt) }
        let result = await decision(about: messages)
        if result.suspension == nil { tally.add(succeeded: batch.count) } else { tally.add(failed: batch.count) }
        tally.tell()
        guard let suspension = result.suspension else {
            for (run, index, mark) in handedOut { run.settle(index, mark) }
            return nil
        }
        var isAnyLeft = false
        for ((run, index, mark), message) in zip(handedOut, messages) {
            if await deadLettered(message, of: assigned) {
                run.settle(index, mark)
            } else {
                run.fail(index, mark)
                isAnyLeft = true
            }
        }
        guard isAnyLeft else { return nil }
        let time = suspension < .zero ? consumer.configuration.orderedSuspendInterval : suspension
        return min(max(time, Self.suspensions.lowerBound), Self.suspensions.upperBound)
    }

    private func decision(about messages: [StoredMessage]) async -> OrderedConsumeResult {
        do {
            return try await handler(messages)
        } catch {
            consumer.core.logger.warning("handler of group \(consumer.group) failed for message \(messages[0].messageId): \(error)")
            return .suspendQueue
        }
    }

    /// Whether a message that failed came too often, and is with the dead letters now.
    private func deadLettered(_ message: StoredMessage, of assigned: AssignedQueue) async -> Bool {
        guard let most = consumer.configuration.maxRedeliveries, message.reconsumeTimes >= most, !assigned.isDropped else { return false }
        // What a handler says that was cancelled does not count.
        guard !Task.isCancelled else { return false }
        guard consumer.isClustering else {
            consumer.core.logger.warning("message \(message.messageId) failed \(most) times and is dropped: the broadcasting group \(consumer.group) has no dead letters")
            return true
        }
        do {
            // The broker sees that the message came as often as it may, and stores it with the dead letters.
            try await consumer.core.resend(message, toRetryTopicOf: consumer.group, times: message.reconsumeTimes, atMost: Int32(clamping: most))
            return true
        } catch {
            consumer.core.logger.warning("message \(message.messageId) of group \(consumer.group) did not get to the dead letters: \(error)")
            return false
        }
    }

    // MARK: Out of turn

    func handleDirectly(_ message: StoredMessage) async throws -> String {
        try await handler([message]).suspension == nil ? "CR_SUCCESS" : "CR_LATER"
    }
}
