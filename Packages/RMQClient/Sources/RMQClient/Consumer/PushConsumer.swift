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
/// Messages are taken in one of four ways: by ``run(_:)``, one a handler; by ``runBatches(_:)``, some a handler; by ``runOrdered(_:)``, where
/// the messages of a queue come one after the other; or by a loop over ``deliveries`` or ``messages``. Consumption begins with the first use of
/// one of them, and ends with `close` or when the task that called `run` is cancelled. What goes wrong in between (a broker that is down,
/// a group that a broker does not know) is logged and tried again; it ends nothing.
///
/// Every message is handed out at least once. It comes again when its group's offset was not stored before a crash, and when its
/// queue goes to another member while it is being handled.
///
/// A message that failed goes back to its broker, which gives it to some member of the group again: after 10 s at first, then after longer and
/// longer times, and to the group's dead letters (`%DLQ%<group>`) when it failed ``ConsumerConfiguration/maxRedeliveries`` times. Until the broker
/// has it, it holds back the group's offset in its queue, so no message is lost when the process ends. When broadcasting, a failed
/// message is logged and done with.
public final class PushConsumer: Sendable {
    /// The name that all members of the group share.
    public let group: String
    /// As it was given to `makePushConsumer`.
    public let configuration: ConsumerConfiguration
    let core: ClientCore
    let groupOffsets: GroupOffsets
    /// What was pulled, on its way to handlers side by side and to loops.
    let inbox = RunInbox()
    /// One for each handler at work, or unsettled delivery.
    let places: Permits

    struct Subscription: Sendable {
        var filter: SubscriptionFilter
        /// What pulls say: a broker that knows an older one refuses them, and has not heard of the filter yet.
        let version: Int64
        /// What heartbeats say, of which brokers keep the newest: renewed when the queues have changed.
        var announcedVersion: Int64

        init(filter: SubscriptionFilter, version: Int64) {
            self.filter = filter
            self.version = version
            announcedVersion = version
        }
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
        /// Runs of queues that were taken away, of which messages are in hand: each keeps a place.
        var adrift: [PulledRun] = []
        var locks = HeldLocks()
        var life = ConsumerLife.idle
        var isPaused = false
        var watchers = AssignmentWatchers()

        /// The queues that are this consumer's now.
        var held: Set<MessageQueue> { Set(assigned.filter { !$0.value.isDropped }.keys) }
    }

    /// Locked for moments only; no other lock but that of an `AssignedQueue` is taken within it.
    let state = Mutex(State())

    enum Command: Sendable {
        case pull(AssignedQueue)
        /// Hands a message out again, after a while.
        case redeliver(PulledRun, Int)
        case correct(AssignedQueue, offset: Int64)
        /// Gives the broker's lock back, after a while.
        case unlock(MessageQueue)
    }

    /// Work for the background task.
    let commands: AsyncStream<Command>.Continuation
    let commandStream: AsyncStream<Command>
    /// Wakes the rebalance; several calls while it is busy count as one.
    private let rebalanceWish: AsyncStream<Void>.Continuation
    let rebalanceWishes: AsyncStream<Void>

    init(group: String, configuration: ConsumerConfiguration, core: ClientCore) throws(ClientError) {
        self.group = group
        self.configuration = configuration
        self.core = core
        places = Permits(configuration.maxConcurrency)
        (commandStream, commands) = AsyncStream.makeStream()
        (rebalanceWishes, rebalanceWish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        groupOffsets = try GroupOffsets(group: group, model: configuration.model, core: core)
        if isClustering {
            // Failed messages come again here.
            state.withLock { $0.subscriptions[RetryTopic.name(group)] = Subscription(filter: .all, version: $0.versions.next()) }
        }
    }

    var offsets: OffsetTable { groupOffsets.table }
    /// Whether the members of the group share the messages; else each gets all of them.
    var isClustering: Bool { !groupOffsets.isLocal }

    // MARK: Subscriptions

    /// Adds or replaces the subscription to a topic, before or while the consumer runs.
    ///
    /// All members of the group must subscribe alike: a broker goes by what the last one said.
    public func subscribe(to topic: String, _ filter: SubscriptionFilter = .all) async throws(ClientError) {
        let topic = core.namespace.wrap(topic)
        try Validation.checkTopic(topic)
        try filter.check()
        try await core.check(filter, topic: topic, group: group)
        let isRunning = state.withLock { state in
            state.subscriptions[topic] = Subscription(filter: filter, version: state.versions.next())
            return state.life.running != nil
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
    public var assignment: Set<MessageQueue> { state.withLock { bare($0.held) } }

    /// The queues that the consumer holds: now, and again after each change. Ends when it is closed.
    ///
    /// A slow watcher gets only the latest state.
    public var assignments: AsyncStream<Set<MessageQueue>> {
        AssignmentWatchers.stream { watcher in
            state.withLock { state in
                watcher.yield(bare(state.held))
                return state.life.isClosing ? nil : state.watchers.add(watcher)
            }
        } leave: { [weak self] id in
            self?.state.withLock { $0.watchers.remove(id) }
        }
    }

    /// Tells those who watch the assignment.
    func announceAssignment() { state.withLock { state in state.watchers.tell(bare(state.held)) } }

    private func bare(_ queues: Set<MessageQueue>) -> Set<MessageQueue> { Set(core.namespace.unwrap(Array(queues))) }

    /// The queues of this consumer as brokers know them.
    var heldQueues: Set<MessageQueue> { state.withLock { $0.held } }

    var isRunning: Bool { state.withLock { $0.life.running != nil } }
    /// Whether queues are consumed in order.
    var isOrdered: Bool { state.withLock { $0.life.mode == .ordered } }

    /// Asks for a rebalance now, after a broker's notice.
    func wakeRebalance() { rebalanceWish.yield() }
}
