public import RMQCommon
import Synchronization

extension PushConsumer {
    /// Runs `handler` for each message, up to `maxConcurrency` at once, until the consumer is closed or the task cancelled.
    ///
    /// A handler that throws asks for redelivery. Cancelling the task cancels the handlers as well; `close` lets them finish. Without a
    /// subscription it waits for one, and says so in the log.
    /// - Throws: `alreadyRunning` when messages are taken already, by another call or a loop; `closed` after `close`.
    public func run(_ handler: @escaping @Sendable (StoredMessage) async throws -> ConsumeResult) async throws(ClientError) {
        try await run(.handlers, ConcurrentConsumption(self, .each(handler)))
    }

    /// Runs `handler` for batches of up to ``ConsumerConfiguration/batchSize`` messages of one queue, as ``run(_:)`` does for each message.
    ///
    /// The handler may settle a batch in part: the first messages are done with, the others come again. All of one call to `run…`
    /// count as handled when it returns, not before.
    ///
    /// ```swift
    /// settings.batchSize = 32
    /// …
    /// try await consumer.runBatches { messages in
    ///     let stored = try await store(messages)
    ///     return .acknowledged(stored)
    /// }
    /// ```
    /// - Throws: as ``run(_:)``.
    public func runBatches(_ handler: @escaping @Sendable ([StoredMessage]) async throws -> BatchConsumeResult) async throws(ClientError) {
        try await run(.handlers, ConcurrentConsumption(self, .batch(handler)))
    }

    /// Runs `handler` for the messages of each queue in their order, up to ``ConsumerConfiguration/batchSize`` at once: one handler a queue at
    /// a time, up to `maxConcurrency` queues side by side.
    ///
    /// A handler that fails stops its queue for a while; then the same messages come again, with `reconsumeTimes` one higher each, for ever
    /// unless ``ConsumerConfiguration/maxRedeliveries`` is set. How often they came is forgotten when the queue goes to another member.
    /// The members of a group must all consume in order, or none of them.
    /// - Throws: as ``run(_:)``.
    public func runOrdered(_ handler: @escaping @Sendable ([StoredMessage]) async throws -> OrderedConsumeResult) async throws(ClientError) {
        try await run(.ordered, OrderedConsumption(self, handler))
    }

    private func run(_ mode: ConsumerLife.Mode, _ consumption: any Consumption) async throws(ClientError) {
        try start(mode) {
            ConsumerLife.Running(
                mode: mode, background: Task { await self.runBackground() },
                handlers: ConsumerLife.Handlers(task: Task { await consumption.run() }, consumption: consumption))
        }
        if subscribedTopics.isEmpty { core.logger.warning("group \(group) gets nothing before it subscribes to a topic") }
        guard let handlers = state.withLock({ $0.life.running?.handlers?.task }) else { return await close() }
        await withTaskCancellationHandler {
            await handlers.value
            await close()
        } onCancel: {
            handlers.cancel()
            // At once and not after the handlers, which may take their time: other members wait for the queues.
            _ = beginToClose(gracePeriod: Self.usualGracePeriod)
        }
    }

    /// A loop begins to take messages.
    func startDeliveries() throws(ClientError) {
        try start(.deliveries) { ConsumerLife.Running(mode: .deliveries, background: Task { await self.runBackground() }) }
    }

    private func start(_ mode: ConsumerLife.Mode, _ begin: () -> ConsumerLife.Running) throws(ClientError) {
        do {
            try state.withLock { state throws(ConsumerLife.Refusal) in try state.life.start(mode, begin) }
        } catch {
            switch error {
            case .isRunning:
                throw ClientError(
                    .alreadyRunning, "the consumer of group \(group) takes messages already, by run or a loop; raise maxConcurrency for more handlers")
            case .isClosed: throw ClientError(.closed, "the consumer of group \(group) was closed; make another one")
            }
        }
    }

    // MARK: The end

    private static let usualGracePeriod = Duration.seconds(10)

    /// Stops pulling, waits until what was handed out is settled (at most `gracePeriod`), stores the offsets, and leaves the group.
    ///
    /// Handlers that are still at work then are cancelled, and what they return does not count any more. A handler must not
    /// wait for this call, which waits for the handler.
    public func close(gracePeriod: Duration = .seconds(10)) async {
        await beginToClose(gracePeriod: gracePeriod)?.value
    }

    /// The first call decides about the grace period.
    /// - Returns: what to wait for; nil when it is closed.
    private func beginToClose(gracePeriod: Duration) -> Task<Void, Never>? {
        state.withLock { state in
            // A task of its own: offsets are stored even when the caller was cancelled.
            state.life.close { running in Task { await self.leave(running, gracePeriod: gracePeriod) } }
        }
    }

    private func leave(_ running: ConsumerLife.Running?, gracePeriod: Duration) async {
        inbox.finish()
        places.finish()
        for assigned in state.withLock({ Array($0.assigned.values) }) { assigned.finish() }
        running?.background.cancel()
        await running?.background.value
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.places.drain() }
            group.addTask { try? await Task.sleep(for: gracePeriod) }
            await group.next()
            group.cancelAll()
        }
        running?.handlers?.task.cancel()
        await persistOffsets()
        let (queues, watchers) = state.withLock { state in
            defer { state.assigned = [:] }
            return (Array(state.assigned.values), state.watchers.takeAll())
        }
        for assigned in queues { assigned.drop(moving: offsets) }
        for watcher in watchers { watcher.finish() }
        await unlockAll()
        await core.unregister(consumerGroup: group)
        state.withLock { $0.life = .closed }
    }

    // MARK: Offsets

    /// Stores what changed, at the brokers or in the file. What cannot be stored is tried again the next time.
    /// - Parameters:
    ///   - queues: the ones to store; nil stores all.
    ///   - thenForget: whether these queues are not this consumer's any more.
    func persistOffsets(of queues: [MessageQueue]? = nil, thenForget: Bool = false) async {
        advanceOffsets()
        await groupOffsets.persist(of: queues, thenForget: thenForget)
    }

    /// Moves the group's offsets to what is settled by now.
    func advanceOffsets() {
        for assigned in state.withLock({ Array($0.assigned.values) }) { assigned.advance(moving: offsets) }
    }
}
