import RMQCommon
import Synchronization

/// A queue that this consumer pulls from: its cache, its lock at the broker, and whether it still belongs to the consumer.
///
/// `state` is locked for moments only; the one lock taken within it is that of the `OffsetTable`: nothing moves an offset of the
/// group once the queue was taken away, when it may belong to another member.
final class AssignedQueue: Sendable {
    let queue: MessageQueue
    let startOffset: Int64
    /// What is counted of its topic; nil in tests that count nothing.
    let counts: ConsumptionCounts?

    private struct State {
        var cache = QueueCache()
        var limits: CacheLimits
        var isDropped = false
        var isPaused: Bool
        /// The pull loop, while it waits for room.
        var roomWaiter: CheckedContinuation<Void, Never>?
        /// The loop of an ordered queue, while it waits for messages.
        var messageWaiter: CheckedContinuation<Void, Never>?
        /// Nothing more is handed out in order: the consumer is being closed.
        var isFinished = false
        /// A batch of an ordered queue is with its handler.
        var isHandling = false
        /// The broker's lock is ours until then; nil when it is not.
        var lockedUntil: MonotonicInstant?
        /// When the pull loop last moved.
        var lastMove: MonotonicInstant
        var report = QueueReport()

        mutating func takeRoomWaiter() -> CheckedContinuation<Void, Never>? {
            if roomWaiter != nil { lastMove = .now }
            return roomWaiter.take()
        }

        /// Whether the pull loop has to wait.
        mutating func holdsPulls(beside coming: ComingMessages? = nil) -> Bool { isPaused || cache.isFull(limits, beside: coming) }

        func isLocked(_ now: MonotonicInstant) -> Bool { lockedUntil.map { now < $0 } ?? false }
    }

    /// Far longer than a pull may take; the reference gives a queue up after the same time.
    static let longestSilence = Duration.seconds(120)
    /// The broker holds a lock for a minute; half of it leaves time to notice that it was not renewed.
    static let lockValidity = Duration.seconds(30)

    private let state: Mutex<State>
    /// Whether the pull loop waits for room, for those who make it.
    private let waitsForRoom = Atomic<Bool>(false)
    /// When a message was last handed out, in milliseconds of the coarse clock; 0 when none was.
    private let lastHandOut = Atomic<Int64>(0)

    init(
        queue: MessageQueue, startOffset: Int64, limits: CacheLimits = CacheLimits(), isPaused: Bool = false,
        counts: ConsumptionCounts? = nil, now: MonotonicInstant = .now
    ) {
        self.counts = counts
        self.queue = queue
        self.startOffset = startOffset
        state = Mutex(State(limits: limits, isPaused: isPaused, lastMove: now))
    }

    // MARK: The pull loop

    /// The pull loop begins its next round.
    func loopMoves(now: MonotonicInstant = .now) { state.withLock { $0.lastMove = now } }

    /// Whether the pull loop hangs: it neither pulls nor waits for room. Its queue is then given up and taken again.
    func isStuck(now: MonotonicInstant = .now) -> Bool {
        state.withLock { $0.roomWaiter == nil && now - $0.lastMove > Self.longestSilence }
    }

    /// Caches what a pull brought.
    /// - Returns: the messages that are new; nil for none, and when the queue was dropped meanwhile.
    func cache(_ messages: [StoredMessage]) -> PulledRun? {
        let (run, waiter): (PulledRun?, CheckedContinuation<Void, Never>?) = state.withLock { state in
            guard !state.isDropped, let run = state.cache.add(messages, of: self) else { return (nil, nil) }
            return (run, state.messageWaiter.take())
        }
        waiter?.resume()
        return run
    }

    /// Returns when there is room in the cache and the consumer is not paused, when the queue is dropped, or when the task is cancelled.
    func waitForRoom() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if state.isDropped || Task.isCancelled || !state.holdsPulls() { return true }
                    state.roomWaiter = continuation
                    waitsForRoom.store(true, ordering: .sequentiallyConsistent)
                    // What is settled from here on sees the flag; what was settled before is seen here.
                    guard !state.holdsPulls() else { return false }
                    state.roomWaiter = nil
                    return true
                }
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.takeRoomWaiter() }?.resume()
        }
        waitsForRoom.store(false, ordering: .relaxed)
    }

    /// Whether the next pull need not wait.
    /// - Parameter coming: what will be cached soon.
    func mayPull(beside coming: ComingMessages? = nil) -> Bool { state.withLock { !$0.isDropped && !$0.holdsPulls(beside: coming) } }

    /// A message was settled.
    @inline(__always)
    func madeRoom() {
        if waitsForRoom.load(ordering: .sequentiallyConsistent) { wakePuller() }
    }

    private func wakePuller() { state.withLock { $0.holdsPulls() ? nil : $0.takeRoomWaiter() }?.resume() }

    // MARK: Belonging

    /// Whether the queue was taken away; what is cached or being handled does not count any more.
    var isDropped: Bool { state.withLock { $0.isDropped } }

    /// Takes the queue away. What is settled by now still counts. The pull loop ends after its present pull.
    /// - Returns: the runs that were cached and are not settled.
    @discardableResult
    func drop(moving offsets: OffsetTable) -> [PulledRun] {
        let (runs, waiters) = state.withLock { state in
            advance(&state, moving: offsets)
            state.isDropped = true
            return (state.cache.clear(), [state.takeRoomWaiter(), state.messageWaiter.take()])
        }
        for waiter in waiters { waiter?.resume() }
        return runs
    }

    /// Moves the group's offset to the smallest one that is not settled.
    func advance(moving offsets: OffsetTable) { state.withLock { advance(&$0, moving: offsets) } }

    private func advance(_ state: inout State, moving offsets: OffsetTable) {
        if !state.isDropped, let offset = state.cache.commitOffset() { offsets.advance(queue, to: offset) }
    }

    /// What lies before `offset` was not meant for this group: moves its offset there when nothing is open.
    func skip(to offset: Int64, moving offsets: OffsetTable) {
        state.withLock { state in
            if !state.isDropped, state.cache.isEmpty() { offsets.advance(queue, to: offset) }
        }
    }

    /// Sets the limits of the cache, and whether pulling pauses whatever is cached.
    func adjust(limits: CacheLimits? = nil, isPaused: Bool? = nil) {
        state.withLock { state in
            if let limits { state.limits = limits }
            if let isPaused { state.isPaused = isPaused }
        }
        wakePuller()
    }

    // MARK: What is handed out

    func handedOut(now: Int64) { lastHandOut.store(now, ordering: .relaxed) }

    /// Messages that were handed out before a moment and are still in hand, oldest first.
    func inHand(before limit: Int64, atMost count: Int) -> [(run: PulledRun, index: Int, mark: MessageMark)] {
        state.withLock { $0.cache.inHand(before: limit, atMost: count) }
    }

    // MARK: In order

    /// The broker's lock is ours from now on, or not any more.
    func setLocked(_ isLocked: Bool, now: MonotonicInstant = .now) {
        state.withLock { state in
            state.lockedUntil = isLocked ? now + Self.lockValidity : nil
            if isLocked { state.report.lastLock = WallClock.nowMilliseconds() }
        }
    }

    func isLocked(now: MonotonicInstant = .now) -> Bool { state.withLock { $0.isLocked(now) } }

    /// Waits until there are messages.
    /// - Returns: false when there will be none: the queue was dropped, the consumer is being closed, or the task was cancelled.
    func waitForMessages() async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if state.isDropped || state.isFinished || Task.isCancelled || !state.cache.isEmpty() { return true }
                    state.messageWaiter = continuation
                    return false
                }
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.messageWaiter.take() }?.resume()
        }
        return state.withLock { !$0.isDropped && !$0.isFinished } && !Task.isCancelled
    }

    /// Takes the oldest messages for a handler.
    /// - Parameter needsLock: whether the broker's lock must be ours.
    /// - Returns: nothing when they must not be handled now.
    func beginBatch(atMost count: Int, needsLock: Bool, now: MonotonicInstant = .now) -> [(run: PulledRun, index: Int)] {
        state.withLock { state in
            guard !state.isDropped, !state.isFinished, !needsLock || state.isLocked(now) else { return [] }
            let batch = state.cache.open(atMost: count)
            state.isHandling = !batch.isEmpty
            return batch
        }
    }

    func endBatch() { state.withLock { $0.isHandling = false } }
    var isHandling: Bool { state.withLock { $0.isHandling } }

    /// Hands out nothing more in order.
    func finish() {
        state.withLock { state in
            state.isFinished = true
            return state.messageWaiter.take()
        }?.resume()
    }

    /// The running batch has kept the queue from being given back once more.
    func countUnlockTry() { state.withLock { $0.report.unlockTries += 1 } }
    var waitsForBatch: Bool { state.withLock { $0.report.unlockTries > 0 } }

    // MARK: Facts

    /// What operators are told, but for the offset that the group would resume from.
    func report(now: MonotonicInstant = .now) -> QueueReport {
        let handedOut = lastHandOut.load(ordering: .relaxed)
        return state.withLock { state in
            var report = state.report
            // Forgets what is settled, so that the offsets are exact.
            _ = state.cache.isEmpty()
            report.offsets = state.cache.offsets
            report.count = state.cache.count
            report.byteCount = state.cache.byteCount
            report.isLocked = state.isLocked(now)
            report.isDropped = state.isDropped
            report.lastPull = WallClock.nowMilliseconds() - (now - state.lastMove).milliseconds
            if handedOut > 0 { report.lastHandOut = WallClock.nowMilliseconds() - (CoarseClock.milliseconds() - handedOut) }
            return report
        }
    }
}

/// What is told about one queue of a running consumer (request code 307).
struct QueueReport: Sendable {
    /// Where the group would resume; nil when that is not known yet.
    var commitOffset: Int64?
    /// From the first to the last message that is cached; nil without any.
    var offsets: ClosedRange<Int64>?
    /// Messages that wait or are being handled.
    var count = 0
    /// Bytes of their bodies.
    var byteCount = 0
    var isLocked = false
    var isDropped = false
    /// How often a running batch kept the queue from being given back.
    var unlockTries = 0
    /// In milliseconds since 1970, as the times below; 0 for never.
    var lastLock: Int64 = 0
    var lastPull: Int64 = 0
    var lastHandOut: Int64 = 0
}
