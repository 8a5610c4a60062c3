public import RMQCommon
import RMQRemoting
import Synchronization

/// Receives the messages of a group. Queues are shared out among the group's members; each is long-polled.
///
/// ```swift
/// let consumer = try await client.makePushConsumer(group: "mailer")
/// try await consumer.subscribe(to: "Orders", .tags(["created", "paid"]))
/// try await consumer.run { message in
///     try await mail(message.text)        // throwing brings the message back later
///     return .success
/// }
/// ```
///
/// Consumption begins with `run` or with the first use of `deliveries`, and ends with `close` or when the
/// task that called `run` is cancelled. What goes wrong in between (a broker that is down, a group that a broker does not know)
/// is logged and tried again; it ends nothing.
///
/// Every message is handed out at least once. It comes again when its group's offset was not stored before a crash, and when its
/// queue goes to another member while it is being handled.
///
/// A message that failed is handed out again by this consumer after `ConsumerConfiguration.redeliveryDelay`; until it
/// succeeds it holds back the group's offset in its queue, so no message is lost when the process ends. Sending
/// it back to the broker for redelivery elsewhere, and dead letters, do not exist here yet. When broadcasting, a failed
/// message is logged and done with.
public final class PushConsumer: Sendable {
    /// The name that all members of the group share.
    public let group: String
    /// As it was given to `makePushConsumer`.
    public let configuration: ConsumerConfiguration
    let core: ClientCore
    let offsets = OffsetTable()
    let inbox: DeliveryInbox
    /// Of a broadcasting consumer: where its offsets are.
    let offsetPath: String?

    struct Subscription: Sendable {
        var filter: SubscriptionFilter
        /// Brokers keep the newest version.
        var version: Int64
    }

    /// Numbers subscriptions by the time of day, so that those of a later process are newer, and never twice the same or lower,
    /// although the clock may be set back: a broker would go on with the old subscription until the clock has caught up.
    struct SubscriptionVersions {
        private var last: Int64 = 0

        mutating func next(now: Int64 = WallClock.nowMilliseconds()) -> Int64 {
            last = max(now, last + 1)
            return last
        }
    }

    struct State {
        var subscriptions: [ByteText: Subscription] = [:]
        var versions = SubscriptionVersions()
        var assigned: [MessageQueue: AssignedQueue] = [:]
        var background: Task<Void, Never>?
        /// The handlers of `run`.
        var workers: Task<Void, Never>?
        /// Set by the first `close`; later ones wait for it.
        var closing: Task<Void, Never>?
        var isClosed: Bool { closing != nil }
    }

    /// Locked for moments only; no other lock but that of an `AssignedQueue` is taken within it.
    let state = Mutex(State())
    /// Offsets are stored by one task at a time.
    let persistence = SerialGate()

    enum Command: Sendable {
        case pull(AssignedQueue)
        case redeliver(Delivery)
        case correct(AssignedQueue, offset: Int64)
    }

    /// Work for the background task.
    let commands: AsyncStream<Command>.Continuation
    private let commandStream: AsyncStream<Command>
    /// Wakes the rebalance; several calls while it is busy count as one.
    private let rebalanceWish: AsyncStream<Void>.Continuation
    private let rebalanceWishes: AsyncStream<Void>

    init(group: String, configuration: ConsumerConfiguration, core: ClientCore) throws(ClientError) {
        self.group = group
        self.configuration = configuration
        self.core = core
        inbox = DeliveryInbox(limit: configuration.maxConcurrency)
        (commandStream, commands) = AsyncStream.makeStream()
        (rebalanceWishes, rebalanceWish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        if case .broadcasting(let directory) = configuration.model {
            let path = OffsetFile.path(directory: directory, clientId: core.clientId, group: group)
            offsetPath = path
            for (queue, offset) in try OffsetFile.load(path, logger: core.logger) { offsets.advance(queue, to: offset) }
        } else {
            offsetPath = nil
            // Members of the reference send failed messages here; all members must subscribe alike.
            state.withLock { $0.subscriptions[RetryTopic.name(group)] = Subscription(filter: .all, version: $0.versions.next()) }
        }
    }

    // MARK: Subscriptions

    /// Adds or replaces the subscription to a topic, before or while the consumer runs.
    ///
    /// All members of the group must subscribe alike: a broker goes by what the last one said.
    public func subscribe(to topic: String, _ filter: SubscriptionFilter = .all) async throws(ClientError) {
        let topic = core.namespace.wrap(topic)
        try Validation.checkTopic(topic)
        let isRunning = state.withLock { state in
            state.subscriptions[topic] = Subscription(filter: filter, version: state.versions.next())
            return state.background != nil
        }
        guard isRunning else { return }
        await findRoutes()
        await core.sendHeartbeats()
        wakeRebalance()
    }

    /// Ends the subscription to a topic; its queues are given up at the next rebalance, which starts at once.
    public func unsubscribe(from topic: String) async {
        let topic = core.namespace.wrap(topic)
        state.withLock { _ = $0.subscriptions.removeValue(forKey: topic) }
        wakeRebalance()
    }

    /// The queues that this consumer holds now.
    public var assignment: Set<MessageQueue> {
        let queues = state.withLock { $0.assigned.filter { !$0.value.isDropped }.map(\.key) }
        return Set(core.namespace.unwrap(queues))
    }

    // MARK: Consuming

    /// Runs `handler` for each message, up to `maxConcurrency` at once, until the consumer is closed or the task cancelled.
    ///
    /// A handler that throws asks for redelivery. Cancelling the task cancels the handlers as well; `close` lets them finish.
    /// - Throws: `alreadyRunning` when `run` was called before, `closed` after `close`.
    public func run(_ handler: @escaping @Sendable (StoredMessage) async throws -> ConsumeResult) async throws(ClientError) {
        let workers = try start(with: handler)
        await withTaskCancellationHandler {
            await workers.value
            await close()
        } onCancel: {
            workers.cancel()
            // At once and not after the handlers, which may take their time: other members wait for the queues.
            _ = beginToClose(gracePeriod: Self.usualGracePeriod)
        }
    }

    private func work(_ handler: @escaping @Sendable (StoredMessage) async throws -> ConsumeResult) async {
        await withDiscardingTaskGroup { workers in
            for _ in 0..<configuration.maxConcurrency {
                workers.addTask {
                    while let delivery = await self.inbox.next() {
                        let result: ConsumeResult
                        do {
                            result = try await handler(delivery.message)
                        } catch {
                            self.core.logger.warning("handler of group \(self.group) failed for message \(delivery.message.messageId): \(error)")
                            result = .retry
                        }
                        self.settle(delivery, result)
                    }
                }
            }
        }
    }

    /// The messages as a sequence; each element is settled by its receiver. At most `maxConcurrency` elements are unsettled
    /// at once. Several tasks may iterate. Leaving the loop does not close the consumer.
    ///
    /// ```swift
    /// for try await delivery in consumer.deliveries {
    ///     if await store(delivery.message) { delivery.acknowledge() } else { delivery.retry() }
    /// }
    /// ```
    public var deliveries: Deliveries { Deliveries(consumer: self) }

    /// What `deliveries` gives.
    public struct Deliveries: AsyncSequence, Sendable {
        let consumer: PushConsumer

        /// Takes deliveries for one loop; several may run at once.
        public struct Iterator: AsyncIteratorProtocol {
            let consumer: PushConsumer
            var hasStarted = false

            /// The next message; nil when the consumer is closed or the task is cancelled.
            public mutating func next(isolation: isolated (any Actor)?) async throws(ClientError) -> Delivery? {
                if !hasStarted {
                    try consumer.start()
                    hasStarted = true
                }
                return await consumer.inbox.next()
            }

            public mutating func next() async throws(ClientError) -> Delivery? { try await next(isolation: nil) }
        }

        public func makeAsyncIterator() -> Iterator { Iterator(consumer: consumer) }
    }

    private static let usualGracePeriod = Duration.seconds(10)

    /// Stops pulling, waits until what was handed out is settled (at most `gracePeriod`), stores the offsets, and leaves the group.
    ///
    /// Handlers of `run` that are still at work then are cancelled, and what they return does not count any more. A handler must not
    /// wait for this call, which waits for the handler.
    public func close(gracePeriod: Duration = .seconds(10)) async {
        await beginToClose(gracePeriod: gracePeriod).value
    }

    /// The first call decides about the grace period.
    private func beginToClose(gracePeriod: Duration) -> Task<Void, Never> {
        state.withLock { state in
            // A task of its own: offsets are stored even when the caller was cancelled.
            let closing = state.closing ?? Task { await self.leave(gracePeriod: gracePeriod) }
            state.closing = closing
            return closing
        }
    }

    private func leave(gracePeriod: Duration) async {
        inbox.finish()
        let (background, workers) = state.withLock { ($0.background, $0.workers) }
        background?.cancel()
        await background?.value
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.inbox.drain() }
            group.addTask { try? await Task.sleep(for: gracePeriod) }
            await group.next()
            group.cancelAll()
        }
        workers?.cancel()
        await persistOffsets()
        for queue in state.withLock({ Array($0.assigned.values) }) { queue.drop() }
        await core.unregister(consumerGroup: group)
    }

    // MARK: Background

    var isRunning: Bool { state.withLock { $0.background != nil && !$0.isClosed } }

    /// Asks for a rebalance now, after a broker's notice.
    func wakeRebalance() { rebalanceWish.yield() }

    /// Starts the background task, the first time.
    private func start() throws(ClientError) {
        let isClosed = state.withLock { state in
            if !state.isClosed, state.background == nil { state.background = Task { await self.runBackground() } }
            return state.isClosed
        }
        guard !isClosed else { throw closedConsumer }
    }

    /// Starts the handlers of `run`, and the background task where it does not run yet.
    private func start(
        with handler: @escaping @Sendable (StoredMessage) async throws -> ConsumeResult
    ) throws(ClientError) -> Task<Void, Never> {
        try start()
        let workers: Task<Void, Never>? = state.withLock { state in
            guard state.workers == nil else { return nil }
            state.workers = Task { await self.work(handler) }
            return state.workers
        }
        guard let workers else {
            throw ClientError(.alreadyRunning, "run was called before on the consumer of group \(group); raise maxConcurrency for more handlers")
        }
        return workers
    }

    private var closedConsumer: ClientError { ClientError(.closed, "the consumer of group \(group) was closed; make another one") }

    /// Finds routes, says hello to the brokers, and pulls until it is cancelled.
    private func runBackground() async {
        core.logger.info("consumer of group \(group) started as \(core.clientId)")
        await findRoutes()
        await core.sendHeartbeats()
        wakeRebalance()
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { for await _ in self.rebalanceWishes { await self.rebalance() } }
            tasks.addTask { await every(self.configuration.rebalanceInterval) { self.wakeRebalance() } }
            tasks.addTask { await every(self.configuration.offsetPersistenceInterval) { await self.persistOffsets() } }
            for await command in self.commandStream {
                switch command {
                case .pull(let assigned):
                    tasks.addTask { await self.pullLoop(assigned) }
                case .redeliver(let delivery):
                    tasks.addTask {
                        guard (try? await Task.sleep(for: self.configuration.redeliveryDelay)) != nil else { return }
                        self.inbox.put([delivery])
                    }
                case .correct(let assigned, let offset):
                    tasks.addTask { await self.correct(assigned, to: offset) }
                }
            }
            tasks.cancelAll()
        }
    }

    /// A topic that does not exist yet is no error: its queues appear with a later refresh.
    private func findRoutes() async {
        for topic in subscribedTopics {
            do {
                try await core.refreshRoute(of: topic)
            } catch where error.code == .routeNotFound {
                core.logger.debug("no route of \(topic) yet: \(error)")
            } catch {
                return core.logger.warning("no routes for group \(group) yet: \(error)")
            }
        }
    }

    // MARK: Settling

    /// Ends a hand-out; only the first call for it counts.
    func settle(_ delivery: Delivery, _ result: ConsumeResult) {
        let (message, queue) = (delivery.message, delivery.queue)
        let isFirst: Bool
        if result == .retry, offsetPath == nil {
            isFirst = queue.retry(offset: message.queueOffset, attempt: delivery.attempt)
            if isFirst, !queue.isDropped {
                var again = message
                again.reconsumeTimes &+= 1
                commands.yield(.redeliver(Delivery(message: again, queue: queue, attempt: delivery.attempt &+ 1, consumer: self)))
            }
        } else {
            if result == .retry { core.logger.warning("message \(message.messageId) failed and is dropped by the broadcasting group \(group)") }
            isFirst = queue.settle(offset: message.queueOffset, attempt: delivery.attempt, limits: configuration.cache, moving: offsets)
        }
        if isFirst { inbox.settled() }
    }
}
