import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// What is needed to answer a stored send later.
struct StoredSend {
    let connection: UInt64
    let ticket: ReplyTicket
    let queueId: Int32
    let queueOffset: Int64
    let physicalOffset: Int64
    /// The joined ids where ``physicalOffset`` alone does not make one: of a batch, or of a store with an IPv6 address.
    let messageIds: [UInt8]?
}

/// Answers the sends of one loop once the store keeps its promise. On the loop's thread only.
///
///     append ─► add ─┐                     ┌─► one reply each, one write per connection
///                    └─ PendingSends ◄─ loop's mailbox ◄─ one message per loop and sync ◄─ store
final class SendConfirmations {
    /// A disk that hangs for `syncFlushTimeout` collects so many sends per loop, and those of one wake-up more; each holds some
    /// 100 bytes.
    private static let limit = 65_536

    private let loopIndex: Int
    private let loop: EventLoop
    private let store: MessageStore
    private let waitingLoops: WaitingLoops
    private let answer: (StoredSend, AppendStatus) -> Void
    private var pending = PendingSends<StoredSend>(limit: limit)
    private lazy var alarm = LoopAlarm(on: loop) { [weak self] in self?.answerConfirmed() }
    private let needsFlush: Bool
    private let needsReplicas: Bool

    init(
        loopIndex: Int, loop: EventLoop, store: MessageStore, waitingLoops: WaitingLoops,
        answer: @escaping (StoredSend, AppendStatus) -> Void
    ) {
        self.loopIndex = loopIndex
        self.loop = loop
        self.store = store
        self.waitingLoops = waitingLoops
        self.answer = answer
        needsFlush = store.configuration.flush == .synchronous
        needsReplicas = store.configuration.requiredReplicas > 0
    }

    /// Too many sends wait already.
    var areFull: Bool { pending.isFull }

    /// Answers `send` when its promise holds or takes too long.
    func add(_ send: StoredSend, end: Int64) {
        let configuration = store.configuration
        var promise = PendingSends<StoredSend>.Promise(end: end)
        if needsFlush { promise.flushDeadline = loop.now + configuration.syncFlushTimeout }
        if needsReplicas {
            promise.lacksReplicas = !store.replicas.areAvailable(end: end)
            if !promise.lacksReplicas { promise.replicaDeadline = loop.now + configuration.replicaTimeout }
        }
        pending.add(send, promise)
    }

    /// After the appends of a wake-up, and whenever the store says that more is confirmed.
    func answerConfirmed() {
        guard !pending.isEmpty else { return }
        release()
        guard !pending.isEmpty else { return }
        waitingLoops.add(loopIndex)
        // What was confirmed before the bit was set is for us to see.
        release()
        if let deadline = pending.nextDeadline { alarm.set(deadline) }
    }

    private func release() {
        let progress = PendingSends<StoredSend>.Progress(
            flushedOffset: store.flushedOffset, replicatedOffset: store.replicas.confirmedOffset, hasFailed: store.flags.current.contains(.flushFailed))
        for (send, status) in pending.release(progress, now: loop.now) { answer(send, status) }
    }
}

/// The loops that have sends waiting for the store, by bit.
///
/// A loop sets its bit and then looks at how far the store is; the store moves on and then takes the bits. Both change the
/// same word, so one of them sees the other and no answer is forgotten.
final class WaitingLoops: Sendable {
    private let bits = Atomic<UInt64>(0)

    func add(_ loop: Int) { bits.bitwiseOr(1 << UInt64(loop), ordering: .acquiringAndReleasing) }
    func takeAll() -> UInt64 { bits.exchange(0, ordering: .acquiringAndReleasing) }
}
