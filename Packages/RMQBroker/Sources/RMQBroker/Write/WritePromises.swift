import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// Acknowledges the messages of one loop once the store keeps its promise. On the loop's thread only.
///
///     append ─► add ─┐                      ┌─► one answer each, one write a connection
///                    └─ PendingWrites ◄─ loop's mailbox ◄─ one message a loop and sync ◄─ store
final class WritePromises {
    private typealias Pending = PendingWrites<(WrittenMessage, WriteCompletion)>

    /// A disk that hangs for `syncFlushTimeout` collects so many messages a loop, and those of one wake-up more; each holds some
    /// 100 bytes.
    private static let limit = 65_536

    private let loopIndex: Int
    private let loop: EventLoop
    private let store: MessageStore
    private let waitingLoops: WaitingLoops
    private let answers: WriteAnswers
    private var pending = Pending(limit: limit)
    private lazy var alarm = LoopAlarm(on: loop) { [weak self] in self?.completeConfirmed() }
    private let needsFlush: Bool
    private let needsReplicas: Bool

    init(loopIndex: Int, loop: EventLoop, store: MessageStore, waitingLoops: WaitingLoops, answers: WriteAnswers) {
        self.loopIndex = loopIndex
        self.loop = loop
        self.store = store
        self.waitingLoops = waitingLoops
        self.answers = answers
        needsFlush = store.configuration.flush == .synchronous
        needsReplicas = store.configuration.requiredReplicas > 0
    }

    /// Too many messages wait already.
    var areFull: Bool { pending.isFull }

    /// Tells `completion` when the promise for the log up to `end` holds or takes too long.
    func add(_ message: WrittenMessage, _ completion: WriteCompletion, end: Int64) {
        let configuration = store.configuration
        var promise = Pending.Promise(end: end)
        if needsFlush { promise.flushDeadline = loop.now + configuration.syncFlushTimeout }
        if needsReplicas {
            promise.lacksReplicas = !store.replicas.areAvailable(end: end)
            if !promise.lacksReplicas { promise.replicaDeadline = loop.now + configuration.replicaTimeout }
        }
        pending.add((message, completion), promise)
    }

    /// After the appends of a wake-up, and whenever the store says that more is confirmed.
    func completeConfirmed() {
        guard !pending.isEmpty else { return }
        release()
        guard !pending.isEmpty else { return }
        waitingLoops.add(loopIndex)
        // What was confirmed before the bit was set is for us to see.
        release()
        if let deadline = pending.nextDeadline { alarm.set(deadline) }
    }

    private func release() {
        let progress = Pending.Progress(
            flushedOffset: store.flushedOffset, replicatedOffset: store.replicas.confirmedOffset, hasFailed: store.flags.current.contains(.flushFailed))
        for ((message, completion), status) in pending.release(progress, now: loop.now) {
            answers.tell(completion, status.isStored ? .stored(message, status) : .failed(unconfirmed(status)))
        }
    }

    private func unconfirmed(_ status: AppendStatus) -> Refusal {
        if let failure = store.flushFailure { Refusal(failure) } else { Refusal(status.responseCode, status.name) }
    }
}

/// The loops that have messages waiting for the store, by bit.
///
/// A loop sets its bit and then looks at how far the store is; the store moves on and then takes the bits. Both change the
/// same word, so one of them sees the other and no message is forgotten.
final class WaitingLoops: Sendable {
    private let bits = Atomic<UInt64>(0)

    func add(_ loop: Int) { bits.bitwiseOr(1 << UInt64(loop), ordering: .acquiringAndReleasing) }
    func takeAll() -> UInt64 { bits.exchange(0, ordering: .acquiringAndReleasing) }
}
