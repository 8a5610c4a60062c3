import RMQCommon
import Synchronization

/// A queue that this consumer pulls from: its cache, and whether it still belongs to the consumer.
///
/// `state` is locked for moments only; the one lock taken within it is that of the `OffsetTable`: nothing moves an offset of the
/// group once the queue was taken away, when it may belong to another member.
final class AssignedQueue: Sendable {
    let queue: MessageQueue
    let startOffset: Int64

    private struct State {
        var cache = QueueCache()
        var isDropped = false
        /// The pull loop, while it waits for room.
        var roomWaiter: CheckedContinuation<Void, Never>?
        /// When the pull loop last moved.
        var lastMove: MonotonicInstant

        /// Lets the pull loop go on that waits for room.
        mutating func takeRoomWaiter() -> CheckedContinuation<Void, Never>? {
            if roomWaiter != nil { lastMove = .now }
            return roomWaiter.take()
        }
    }

    /// Far longer than a pull may take; the reference gives a queue up after the same time.
    static let longestSilence = Duration.seconds(120)

    private let state: Mutex<State>

    init(queue: MessageQueue, startOffset: Int64, now: MonotonicInstant = .now) {
        self.queue = queue
        self.startOffset = startOffset
        state = Mutex(State(lastMove: now))
    }

    /// The pull loop begins its next round.
    func loopMoves(now: MonotonicInstant = .now) { state.withLock { $0.lastMove = now } }

    /// Whether the pull loop hangs: it neither pulls nor waits for room. Its queue is then given up and taken again.
    func isStuck(now: MonotonicInstant = .now) -> Bool {
        state.withLock { $0.roomWaiter == nil && now - $0.lastMove > Self.longestSilence }
    }

    /// Whether the queue was taken away; what is cached or being handled does not count any more.
    var isDropped: Bool { state.withLock { $0.isDropped } }

    /// Takes the queue away. The pull loop ends after its present pull.
    func drop() {
        let waiter = state.withLock { state in
            state.isDropped = true
            return state.takeRoomWaiter()
        }
        waiter?.resume()
    }

    /// Caches what a pull brought.
    /// - Returns: the messages that are new; none when the queue was dropped meanwhile.
    func cache(_ messages: [StoredMessage]) -> [StoredMessage] {
        state.withLock { state in
            guard !state.isDropped else { return [] }
            return messages.filter { state.cache.add(offset: $0.queueOffset, bytes: $0.body.count) }
        }
    }

    /// Settles a message, and moves the group's offset unless the queue was dropped.
    /// - Returns: false when that hand-out of the message has ended before.
    func settle(offset: Int64, attempt: Int32, limits: CacheLimits, moving offsets: OffsetTable) -> Bool {
        let (isFirst, waiter): (Bool, CheckedContinuation<Void, Never>?) = state.withLock { state in
            guard let commit = state.cache.settle(offset: offset, attempt: attempt) else { return (false, nil) }
            guard !state.isDropped else { return (true, nil) }
            offsets.advance(queue, to: commit)
            return (true, state.cache.isFull(limits) ? nil : state.takeRoomWaiter())
        }
        waiter?.resume()
        return isFirst
    }

    /// Ends a hand-out of a message that is to be handed out again.
    /// - Returns: false when that hand-out has ended before.
    func retry(offset: Int64, attempt: Int32) -> Bool {
        state.withLock { $0.cache.retry(offset: offset, attempt: attempt) }
    }

    /// What lies before `offset` was not meant for this group: moves its offset there when nothing is open.
    func skip(to offset: Int64, moving offsets: OffsetTable) {
        state.withLock { state in
            if state.cache.isEmpty, !state.isDropped { offsets.advance(queue, to: offset) }
        }
    }

    /// Returns when the cache is below its limits, when the queue is dropped, or when the task is cancelled.
    func waitForRoom(_ limits: CacheLimits) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mayGo = state.withLock { state in
                    if state.isDropped || Task.isCancelled || !state.cache.isFull(limits) { return true }
                    state.roomWaiter = continuation
                    return false
                }
                if mayGo { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.takeRoomWaiter() }?.resume()
        }
    }
}
