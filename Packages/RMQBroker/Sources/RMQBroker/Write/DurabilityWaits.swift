import RMQCommon
import RMQRemoting
import RMQStore

/// Acknowledges the messages of one loop once the disk (under synchronous flush) and enough replicas (where they are required) have
/// them. On the loop's thread only.
///
///     append ─► add ─┐                      ┌─► one answer each, one write a connection
///                    └─ PendingWrites ◄─ loop's mailbox ◄─ LogFollower, once for each time it is armed ◄─ store
final class DurabilityWaits {
    private typealias Pending = PendingWrites<(WrittenMessage, WriteCompletion)>

    /// A disk that hangs for `syncFlushTimeout` collects so many messages a loop, and those of one wake-up more; each holds some
    /// 100 bytes.
    static let limit = 65_536

    private let loop: EventLoop
    private let store: MessageStore
    /// Calls when the disk has more; nil when that is not waited for.
    private let flushFollower: LogFollower?
    /// The same of replicas.
    private let replicaFollower: LogFollower
    private var followers: [LogFollower] { [flushFollower, needsReplicas ? replicaFollower : nil].compactMap(\.self) }
    private let answers: WriteAnswers
    /// Hears how many wait.
    private let waiting: WaitingSends
    private var pending = Pending(limit: limit)
    private lazy var alarm = LoopAlarm(on: loop) { [weak self] in self?.completeConfirmed() }
    /// Whether a message has to be safer than what an append makes it, which survives a kill -9.
    var areNeeded: Bool { needsFlush || needsReplicas }
    private let needsFlush: Bool
    /// May change with the store's role.
    private var needsReplicas: Bool { store.replicas.required > 0 }
    /// In which all that wait were appended.
    private var epoch: Int64

    /// - Parameter loops: has this loop as number `loopIndex`.
    init(loopIndex: Int, loop: EventLoop, store: MessageStore, loops: LoopSet, answers: WriteAnswers, waiting: WaitingSends) {
        self.loop = loop
        self.store = store
        self.answers = answers
        self.waiting = waiting
        needsFlush = store.configuration.flush == .synchronous
        epoch = store.epoch
        let follow = { end in
            store.follow(end) { [weak loops] _ in loops?.post(to: 1 << UInt64(loopIndex)) { $0.writer.storeConfirmed() } }
        }
        flushFollower = needsFlush ? follow(.flushed) : nil
        replicaFollower = follow(.confirmed)
    }

    deinit {
        flushFollower?.cancel()
        replicaFollower.cancel()
    }

    /// Too many messages wait already.
    var areFull: Bool { pending.isFull }

    /// Tells `completion` when the log up to `end` is durable, or that takes too long.
    func add(_ message: WrittenMessage, _ completion: WriteCompletion, end: Int64) {
        if message.result.epoch > epoch { begin(message.result.epoch) }
        // Its topic was written down only now.
        if message.result.epoch < epoch { return answers.tell(completion, .failed(Refusal(.roleChanged))) }
        var needs = Pending.Needs(end: end, since: loop.now)
        if needsFlush { needs.flushDeadline = loop.now + store.syncFlushTimeout }
        if needsReplicas {
            needs.lacksReplicas = !store.replicas.areAvailable(end: end)
            if !needs.lacksReplicas { needs.replicaDeadline = loop.now + store.configuration.replicaTimeout }
        }
        pending.add((message, completion), needs)
    }

    /// After the appends of a wake-up, and whenever the store has more.
    func completeConfirmed() {
        guard !pending.isEmpty else { return }
        let followers = followers
        var known: [Int64]
        repeat {
            known = followers.map { store.offset(of: $0.end) }
            release()
            // What came between the look and this is for us to see; what comes later, for the followers.
        } while !pending.isEmpty && zip(followers, known).contains { $0.arm(beyond: $1) == .lookAgain }
        waiting.set(pending.count, since: pending.oldest)
        if let deadline = pending.nextDeadline(after: loop.now) { alarm.set(deadline) }
    }

    private func release() {
        let progress = Pending.Progress(
            flushedOffset: store.flushedOffset, replicatedOffset: store.replicas.confirmedOffset,
            hasFailed: store.flags.current.contains(.flushFailed))
        // Read last: if it is still the messages' own, what was read before it was said of their log.
        let current = store.epoch
        guard current == epoch else { return begin(current) }
        for ((message, completion), status) in pending.release(progress, now: loop.now) {
            answers.tell(completion, status.isStored ? .stored(message, status) : .failed(unconfirmed(status)))
        }
    }

    /// What waits may be gone, and another master's messages be at its place: how far the log is kept says nothing of it.
    private func begin(_ epoch: Int64) {
        self.epoch = epoch
        let nothing = Pending.Progress(flushedOffset: -1, replicatedOffset: -1, hasFailed: true)
        for ((_, completion), _) in pending.release(nothing, now: loop.now) { answers.tell(completion, .failed(Refusal(.roleChanged))) }
    }

    private func unconfirmed(_ status: AppendStatus) -> Refusal {
        if let failure = store.flushFailure { return Refusal(failure) }
        return Refusal(status.responseCode, status.name)
    }
}
