public import RMQCommon
import RMQRemoting
import Synchronization

/// Receives messages when the application asks for them, a batch of one queue at a time.
///
/// ```swift
/// let consumer = try await client.makeLitePullConsumer(group: "report")
/// try await consumer.subscribe(to: "Orders")
/// while !Task.isCancelled {
///     for message in try await consumer.poll() { await record(message) }
/// }
/// await consumer.close()
/// ```
///
/// Either it subscribes to topics and shares their queues with the other members of its group (``subscribe(to:_:)``), or it is given
/// queues (``assign(_:filters:)``); the first of these calls begins the consumption and decides, and the other throws
/// `subscriptionConflict` from then on. Queues are pulled ahead of the polls, as far as ``LitePullConfiguration`` allows.
///
/// **When a message counts as consumed.** A message that a poll returned counts when a later poll is made: then the application is done
/// with it. With ``LitePullConfiguration/autoCommitInterval`` polls move the group's offsets to what counts, and so do ``close()`` and the
/// loss of a queue to another member; the batch of the last poll does not count and comes again, unless ``commit()`` was called after it.
/// Poll from one task then, for a poll of any task counts the batches of all. Without automatic commits only ``commit()`` and
/// ``commit(_:)`` move offsets.
///
/// There are no retries and no dead letters here: what failed is the application's, which may ``seek(_:to:)``.
public final class LitePullConsumer: Sendable {
    /// The name that all members of the group share.
    public let group: String
    /// As it was given to `makeLitePullConsumer`.
    public let configuration: LitePullConfiguration
    let core: ClientCore
    let offsets: GroupOffsets
    let board: LitePullBoard

    /// How the consumer comes to its queues.
    enum Mode { case subscribing, assigned }

    private enum Life {
        case idle
        case running(Task<Void, Never>)
        case closing(Task<Void, Never>)
    }

    private struct State {
        var mode: Mode?
        var life = Life.idle
        /// Of a subscribing consumer.
        var subscriptions = TopicSubscriptions()
        /// Of a consumer that was given queues, by topic.
        var filters: [ByteText: SubscriptionFilter] = [:]
        /// When a poll next moves the group's offsets.
        var nextCommit: MonotonicInstant?
        var startTime: Int64 = 0
        var watchers = AssignmentWatchers()
    }

    /// Locked for moments only; no other lock but the board's is taken within it.
    private let state = Mutex(State())

    /// A queue to pull from: who holds it, and where it begins where that is known.
    struct Pull: Sendable {
        let holder: UInt64
        let queue: MessageQueue
        let start: Int64?
    }

    /// Queues that the background task has yet to begin with.
    let pulls: AsyncStream<Pull>
    private let newPulls: AsyncStream<Pull>.Continuation
    /// Wakes the rebalance; several calls while it is busy count as one.
    let rebalanceWishes: AsyncStream<Void>
    private let rebalanceWish: AsyncStream<Void>.Continuation
    /// Changes of what is held, one at a time.
    let assigning = SerialGate()

    init(group: String, configuration: LitePullConfiguration, core: ClientCore) throws(ClientError) {
        self.group = group
        self.configuration = configuration
        self.core = core
        offsets = try GroupOffsets(group: group, model: configuration.model, core: core)
        board = LitePullBoard(configuration)
        (pulls, newPulls) = AsyncStream.makeStream()
        (rebalanceWishes, rebalanceWish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Topics and queues

    /// Adds or replaces the subscription to a topic, whose queues are shared out among the members of the group.
    ///
    /// All members of the group must subscribe alike: a broker goes by what the last one said.
    /// - Throws: `subscriptionConflict` after ``assign(_:filters:)``, `refused` when a broker does not take the filter.
    public func subscribe(to topic: String, _ filter: SubscriptionFilter = .all) async throws(ClientError) {
        let topic = core.namespace.wrap(topic)
        try Validation.checkTopic(topic)
        try filter.check()
        try enter(.subscribing)
        try await core.check(filter, topic: topic, group: group)
        state.withLock { $0.subscriptions.set(topic, filter) }
        try begin()
        await findRoutes()
        await core.sendHeartbeats()
        wakeRebalance()
    }

    /// Ends the subscription to a topic, and gives its queues up. What was pulled of them and not polled comes to other members.
    public func unsubscribe(from topic: String) async {
        let topic = core.namespace.wrap(topic)
        state.withLock { $0.subscriptions.remove(topic) }
        await assigning.run { await giveUp(board.change { $0.queues }.filter { $0.topic.isExactly(topic) }) }
    }

    /// Takes these queues and no others, whoever else reads them: they are not shared out.
    ///
    /// Each call replaces the queues of the one before; those that stay are pulled on where they are.
    /// - Parameter filters: what is wanted of a topic; all messages of those that it does not name.
    /// - Throws: `subscriptionConflict` after ``subscribe(to:_:)``, `invalidConfiguration` for no queue.
    public func assign(_ queues: Set<MessageQueue>, filters: [ByteText: SubscriptionFilter] = [:]) async throws(ClientError) {
        guard !queues.isEmpty else { throw ClientError(.invalidConfiguration, "no queue is to be assigned; close the consumer that shall have none") }
        let queues = Set(queues.map { core.namespace.wrap($0) })
        let filters = Dictionary(filters.map { (ByteText(core.namespace.wrap($0.key.text)), $0.value) }) { first, _ in first }
        for queue in queues { try Validation.checkTopic(queue.topic) }
        for filter in filters.values { try filter.check() }
        try enter(.assigned)
        for (topic, filter) in filters { try await core.check(filter, topic: topic.text, group: group) }
        state.withLock { state in
            state.filters = [:]
            for (topic, filter) in filters { state.filters[topic] = filter }
        }
        try begin()
        await assigning.run {
            let held = board.change { $0.queues }
            await giveUp(held.filter { !queues.contains($0) })
            take(queues.subtracting(held).sorted())
        }
        await core.sendHeartbeats()
    }

    /// The queues that this consumer holds now.
    public var assignment: Set<MessageQueue> { Set(core.namespace.unwrap(Array(board.change { $0.queues }))) }

    /// The queues that the consumer holds: now, and again after each change. Ends when it is closed.
    ///
    /// Who is slow sees the last state alone.
    public var assignments: AsyncStream<Set<MessageQueue>> {
        AssignmentWatchers.stream { watcher in
            state.withLock { state in
                watcher.yield(assignment)
                if case .closing = state.life { return nil }
                return state.watchers.add(watcher)
            }
        } leave: { [weak self] id in
            self?.state.withLock { $0.watchers.remove(id) }
        }
    }

    /// All queues of a topic, whoever holds them, by broker and number.
    /// - Throws: `routeNotFound` when no broker has registered the topic.
    public func queues(of topic: String) async throws(ClientError) -> [MessageQueue] {
        core.namespace.unwrap(try await core.refreshRoute(of: core.namespace.wrap(topic)).subscribeQueues)
    }

    // MARK: Messages

    /// The messages of one pull: one queue's, oldest first; none when none come in time, or when the consumer is closed meanwhile.
    ///
    /// What earlier polls returned counts as consumed from now on.
    /// - Parameter timeout: longest wait; nil waits for ``LitePullConfiguration/pollTimeout``, zero not at all.
    /// - Throws: `notSubscribed`, `closed`, `cancelled`.
    public func poll(timeout: Duration? = nil) async throws(ClientError) -> [StoredMessage] {
        core.namespace.unwrap(try await pollBatch(timeout: timeout)?.messages ?? [])
    }

    /// As ``poll(timeout:)``; nil for no messages.
    func pollBatch(timeout: Duration? = nil) async throws(ClientError) -> LitePullState.Batch? {
        try checkPolling()
        board.change { $0.countPolled() }
        // Under the board's lock: a queue that is given up meanwhile must not get an offset any more.
        if isCommitDue() { board.change { moveOffsets(to: $0.counted) } }
        let batch = await board.next(within: timeout ?? configuration.pollTimeout)
        guard let batch else {
            if Task.isCancelled { throw ClientError(.cancelled, "the task was cancelled while it polled for group \(group)") }
            return nil
        }
        core.statistics.counts(topic: batch.queue.topic, group: group).countPolled(batch.messages.count)
        // What becomes of them is not seen here: as in the reference, to be polled is to be consumed.
        core.traceConsumed(core.traceConsuming(batch.messages, group: group), .success)
        return batch
    }

    // MARK: Where to go on

    /// Goes on elsewhere in a queue: what was pulled and not polled yet is dropped, and the next batch of the queue begins there.
    /// - Throws: `queueNotAssigned`, `offsetOutOfRange`, and what the broker answers.
    public func seek(_ queue: MessageQueue, to position: SeekPosition) async throws(ClientError) {
        let queue = core.namespace.wrap(queue)
        guard board.change({ $0.holds(queue) }) else { throw notAssigned(queue) }
        let offset = try await offset(of: position, in: queue)
        guard let (_, holder) = board.change({ $0.seek(queue, to: offset) }) else { throw notAssigned(queue) }
        goOn(queue, holder, at: offset)
    }

    private func offset(of position: SeekPosition, in queue: MessageQueue) async throws(ClientError) -> Int64 {
        let timeout = GroupOffsets.timeout
        switch position {
        case .beginning: return try await core.minOffset(of: queue, timeout: timeout)
        case .end: return try await core.maxOffset(of: queue, timeout: timeout)
        case .timestamp(let time): return try await core.searchOffset(of: queue, at: time, timeout: timeout)
        case .offset(let offset):
            let (first, end) = (try await core.minOffset(of: queue, timeout: timeout), try await core.maxOffset(of: queue, timeout: timeout))
            guard first <= offset, offset <= end else {
                throw ClientError(.offsetOutOfRange, "offset \(offset) lies outside of \(queue), which has \(first) to \(end)")
            }
            return offset
        }
    }

    /// Stops pulling from these queues. What was pulled already is still polled. Queues that are not held are passed over.
    public func pause(_ queues: Set<MessageQueue>) { setPaused(true, queues) }

    /// Pulls again from queues that were paused.
    public func resume(_ queues: Set<MessageQueue>) { setPaused(false, queues) }

    private func setPaused(_ isPaused: Bool, _ queues: Set<MessageQueue>) {
        let queues = Set(queues.map { core.namespace.wrap($0) })
        board.change { $0.setPaused(isPaused, queues) }
    }

    // MARK: Offsets

    /// All that was polled counts as consumed, the last batch too, and the group's offsets are stored when this returns.
    /// - Throws: the first failure; what could not be stored is tried again in the background.
    public func commit() async throws(ClientError) {
        board.change { state in
            state.countPolled()
            moveOffsets(to: state.counted)
        }
        if let failure = await offsets.persist() { throw failure }
    }

    /// The group goes on at these offsets after a restart; the present polls do not. Stored when this returns.
    /// - Throws: `queueNotAssigned` before anything is stored, else the first failure, as ``commit()`` does.
    public func commit(_ offsets: [MessageQueue: Int64]) async throws(ClientError) {
        let offsets = Dictionary(offsets.map { (core.namespace.wrap($0.key), $0.value) }) { first, _ in first }
        for (queue, offset) in offsets {
            guard board.change({ $0.holds(queue) }) else { throw notAssigned(queue) }
            guard offset >= 0 else { throw ClientError(.offsetOutOfRange, "offset \(offset) of \(queue) is below zero") }
        }
        moveOffsets(to: offsets)
        if let failure = await self.offsets.persist(of: Array(offsets.keys)) { throw failure }
    }

    /// Where the group would go on in a queue: what this consumer knows, else what is stored; nil when there is nothing.
    public func committedOffset(of queue: MessageQueue) async throws(ClientError) -> Int64? { try await offsets.offset(of: core.namespace.wrap(queue)) }

    /// What this consumer did in the last minute, by topic.
    public func statistics() -> [ByteText: ConsumptionStatistics] { consumptionStatistics(core) }

    // MARK: End

    /// Stops pulling, stores the offsets, and leaves the group. Polls that wait return nothing.
    ///
    /// With automatic commits what earlier polls returned has counted; the batch of the last poll has not.
    public func close() async { await beginToClose().value }

    private func beginToClose() -> Task<Void, Never> {
        state.withLock { state in
            let background: Task<Void, Never>?
            switch state.life {
            case .closing(let closing): return closing
            case .running(let running): background = running
            case .idle: background = nil
            }
            // A task of its own: offsets are stored even when the caller was cancelled.
            let closing = Task { await self.leave(background) }
            state.life = .closing(closing)
            return closing
        }
    }

    private func leave(_ background: Task<Void, Never>?) async {
        let counted = board.change { $0.finish() }
        background?.cancel()
        await background?.value
        if configuration.autoCommitInterval != nil { moveOffsets(to: counted) }
        await offsets.persist()
        for watcher in state.withLock({ $0.watchers.takeAll() }) { watcher.finish() }
        await core.unregister(consumerGroup: group)
    }
}

// MARK: - State

extension LitePullConsumer {
    var isRunning: Bool {
        state.withLock { state in
            if case .running = state.life { true } else { false }
        }
    }

    var mode: Mode? { state.withLock { $0.mode } }
    var subscriptions: TopicSubscriptions { state.withLock { $0.subscriptions } }
    /// In milliseconds since 1970; 0 before it began.
    var startTime: Int64 { state.withLock { $0.startTime } }

    /// What is wanted of a topic; nil when it is not subscribed to any more.
    func filter(for topic: String) -> PushConsumer.Subscription? {
        state.withLock { state in
            guard state.mode == .assigned else { return state.subscriptions[topic] }
            return PushConsumer.Subscription(filter: state.filters[topic] ?? .all, version: 0)
        }
    }

    /// Asks for a rebalance now.
    func wakeRebalance() { rebalanceWish.yield() }

    /// Has queues pulled that are held from now on.
    func pull(_ holders: [(queue: MessageQueue, holder: UInt64)]) {
        for (queue, holder) in holders { newPulls.yield(Pull(holder: holder, queue: queue, start: nil)) }
    }

    /// Has a queue pulled from `offset` on.
    func goOn(_ queue: MessageQueue, _ holder: UInt64, at offset: Int64) { newPulls.yield(Pull(holder: holder, queue: queue, start: offset)) }

    /// Tells those who watch the assignment.
    func announceAssignment() { state.withLock { $0.watchers.tell(assignment) } }

    func moveOffsets(to new: [MessageQueue: Int64]) {
        for (queue, offset) in new { offsets.table.move(queue, to: offset) }
    }

    private func enter(_ mode: Mode) throws(ClientError) {
        let (isOther, isClosed) = state.withLock { state -> (Bool, Bool) in
            if case .closing = state.life { return (false, true) }
            if state.mode == nil { state.mode = mode }
            return (state.mode != mode, false)
        }
        guard !isClosed else { throw closedConsumer }
        guard !isOther else {
            throw ClientError(
                .subscriptionConflict, "the consumer of group \(group) either subscribes to topics or is assigned queues; make another one for the other")
        }
    }

    /// Starts the background task, the first time.
    private func begin() throws(ClientError) {
        let isClosed = state.withLock { state in
            switch state.life {
            case .closing: return true
            case .running: return false
            case .idle:
                state.life = .running(Task { await self.runBackground() })
                state.startTime = WallClock.nowMilliseconds()
                return false
            }
        }
        guard !isClosed else { throw closedConsumer }
    }

    private func checkPolling() throws(ClientError) {
        let (hasBegun, isClosed) = state.withLock { state in
            switch state.life {
            case .idle: (false, false)
            case .running: (true, false)
            case .closing: (true, true)
            }
        }
        guard !isClosed else { throw closedConsumer }
        guard hasBegun else { throw ClientError(.notSubscribed, "the consumer of group \(group) polls before it subscribes or is assigned queues") }
    }

    /// Whether this poll moves the group's offsets: the first one does.
    private func isCommitDue() -> Bool {
        guard let interval = configuration.autoCommitInterval else { return false }
        return state.withLock { state in
            let now = MonotonicInstant.now
            if let next = state.nextCommit, now < next { return false }
            state.nextCommit = now + interval
            return true
        }
    }

    private var closedConsumer: ClientError { ClientError(.closed, "the consumer of group \(group) was closed; make another one") }

    private func notAssigned(_ queue: MessageQueue) -> ClientError {
        ClientError(.queueNotAssigned, "\(queue) is not held by this consumer of group \(group); a rebalance may have taken it away")
    }
}
