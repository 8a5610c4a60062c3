import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// What a broker knows of transactions, shared by its loops and the check.
///
///     half queue   0 1 2 3 4 5 …     a half message each
///     op queue     0 1 3 …           an op record each: which half message was committed or rolled back
///
/// The op queue is the truth; ``FinishedHalves`` is what has been read of it, and is read again after a start and after a change of
/// the store's role.
final class Transactions: Sendable {
    /// Op records before those to be swept that are read at the start as well: a transaction that was asked about may have ended
    /// there while a copy of its half message is still to be swept. Some 10 ms.
    static let lookBack: Int64 = 16_384
    /// Half messages that are passed over at once, some microseconds, for which loops may have to wait.
    static let scanLimit: Int64 = 65_536
    /// Ends of transactions that wait for the first reading; each holds some 500 bytes.
    static let waitingLimit = 65_536

    private struct State {
        var finished = FinishedHalves()
        /// The store's epoch in which it was read.
        var epoch: Int64?
        var isLoading = false
        var waiting: [@Sendable () -> Void] = []
    }

    let logger: Logger
    private let store: MessageStore
    private let offsets: ConsumerOffsets
    private let workers: WorkerPool
    private let state = Mutex(State())

    /// - Parameter workers: read the op queue.
    init(store: MessageStore, offsets: ConsumerOffsets, workers: WorkerPool, logger: Logger) {
        self.store = store
        self.offsets = offsets
        self.workers = workers
        self.logger = logger
    }

    // MARK: Ending

    /// Whether it is known which transactions have ended.
    var isLoaded: Bool { state.withLock { $0.epoch == store.epoch } }

    /// Calls `body` as soon as it is known; from whatever thread.
    /// - Throws: when too much waits for that; `body` is not called then.
    func whenLoaded(_ body: @escaping @Sendable () -> Void) throws(Refusal) {
        enum Next { case call, read, wait, refuse }
        let next = state.withLock { state -> Next in
            if state.epoch == store.epoch { return .call }
            guard state.waiting.count < Self.waitingLimit else { return .refuse }
            state.waiting.append(body)
            defer { state.isLoading = true }
            return state.isLoading ? .wait : .read
        }
        switch next {
        case .call: body()
        case .wait: break
        case .refuse: throw .overloaded("\(Self.waitingLimit) ends of transactions wait for the op queue to be read")
        case .read:
            // The pool takes nothing more while the broker stops; or the next end of a transaction tries again.
            if !workers.run({ [self] in load() }) { state.withLock { $0.isLoading = false } }
        }
    }

    /// As ``FinishedHalves/begin(_:origin:)``.
    func begin(_ half: HalfMessage) -> FinishedHalves.Begin {
        state.withLock { $0.finished.begin(half.fields.queueOffset, origin: half.origin) }
    }

    /// Tells how the end went that was begun.
    func end(_ offset: Int64, origin: Int64, isStored: Bool) {
        state.withLock { $0.finished.end(offset, origin: origin, isStored: isStored) }
    }

    func isFinished(origin: Int64) -> Bool { state.withLock { $0.finished.isFinished(origin) } }

    func isFinished(_ half: HalfMessage) -> Bool {
        state.withLock { $0.finished.isFinished(half.origin) || $0.finished.isFinished(half.fields.queueOffset) }
    }

    /// As ``FinishedHalves/firstUnfinished(in:)``.
    func firstUnfinished(in range: Range<Int64>) -> Int64 { state.withLock { $0.finished.firstUnfinished(in: range) } }

    // MARK: Progress

    var halfQueue: ConsumeQueue? { store.queue(topic: SystemTopic.transactionHalf, queueId: 0) }
    var opQueue: ConsumeQueue? { store.queue(topic: SystemTopic.transactionOperations, queueId: 0) }

    /// How far the check is in one of the two queues: never beyond its end, which a power failure may have taken back.
    func progress(in queue: ConsumeQueue) -> Int64 {
        let known = offsets.existing(group: SystemGroup.transaction, topic: queue.topic)?[0]
        return min(max(known ?? 0, queue.minOffset), queue.maxOffset)
    }

    /// The check has come as far as `half` in the queue of half messages.
    func sweep(to half: Int64) {
        commit(half, topic: SystemTopic.transactionHalf)
        state.withLock { $0.finished.sweep(to: half) }
    }

    /// The check has come as far as `op` in the queue of op records.
    func sweepOps(to op: Int64) { commit(op, topic: SystemTopic.transactionOperations) }

    private func commit(_ offset: Int64, topic: String) {
        guard let progress = offsets.progress(group: SystemGroup.transaction, topic: topic), progress[0] != offset else { return }
        progress.commit(offset, queueId: 0)
    }

    // MARK: Reading

    /// Reads which transactions have ended, unless that is known. Blocks; not on a loop, and on one thread at a time.
    func load() {
        var epoch: Int64
        repeat {
            epoch = store.epoch
            if state.withLock({ $0.epoch == epoch }) { break }
            var finished = read()
            state.withLock { state in
                finished.takeOverWork(of: state.finished)
                state.finished = finished
                state.epoch = epoch
            }
            // After a change of role meanwhile it is another master's log.
        } while store.epoch != epoch
        let waiting = state.withLock { state in
            state.isLoading = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for body in waiting { body() }
    }

    private func read() -> FinishedHalves {
        guard let halfQueue else { return FinishedHalves() }
        // What a power failure took back must not be swept over when it is written again.
        let swept = progress(in: halfQueue)
        commit(swept, topic: SystemTopic.transactionHalf)
        var finished = FinishedHalves(swept: swept)
        guard let opQueue else { return finished }
        let opSwept = progress(in: opQueue)
        commit(opSwept, topic: SystemTopic.transactionOperations)
        let known = 0..<halfQueue.maxOffset
        var ops = OpRecords(store, opQueue, from: max(opQueue.minOffset, opSwept - Self.lookBack))
        while let op = ops.next() {
            if let half = op.half, known.contains(half) { finished.insert(half) }
        }
        return finished
    }
}
