import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// Has workers read from the disk what the pulls of one loop want, while the loop goes on serving. On the loop's thread only.
///
///     pull ─► worker: reads, waits for the disk ─► loop's mailbox ─► answer from the mapping
///     reader nears what is not in memory ─► worker: some MiB ahead, so that its next pulls need no worker
///
/// What is read ahead at once is bounded by the number of workers. A pull that waits too long for a worker is given up: when the disk
/// hangs, its client is told so instead of nothing.
final class ColdReads {
    /// Whose turn it is: the worker's that begins to read, or the loop's that gives up.
    private final class Turn: Sendable {
        private let isTaken = Atomic<Bool>(false)
        var isOver: Bool { isTaken.load(ordering: .acquiring) }
        func take() -> Bool { !isTaken.exchange(true, ordering: .acquiringAndReleasing) }
    }

    private struct Waiting {
        let turn: Turn
        let deadline: MonotonicInstant
        let completion: (ReadResult?) -> Void
    }

    private let loop: EventLoop
    private let store: MessageStore
    private let workers: WorkerPool
    /// Parts of the log that are being read ahead for this loop.
    private var ahead: Set<Int64> = []
    /// Oldest first, which is the order in which workers take them.
    private var waiting: [Waiting] = []
    private lazy var alarm = LoopAlarm(on: loop) { [weak self] in self?.giveUp() }

    init(loop: EventLoop, store: MessageStore, workers: WorkerPool) {
        self.loop = loop
        self.store = store
        self.workers = workers
    }

    /// How many pulls wait for a worker, at most.
    var waitingCount: Int { waiting.count }

    /// Reads for a pull, and calls `completion` on the loop: with nil when no worker had the time to begin.
    /// - Parameter patience: how long the pull may wait for a worker; nil for as long as it takes.
    /// - Returns: false when too many wait for the disk already.
    func read(_ pull: HeldPull, from offset: Int64, patience: Duration?, completion: @escaping (ReadResult?) -> Void) -> Bool {
        let (store, queue, filter, maxCount) = (store, pull.queue.stored, pull.filter, pull.maxCount)
        let turn = Turn()
        let reader = LoopBound(completion, loop: loop)
        let isTaken = workers.run {
            guard turn.take() else { return }
            var result = ReadResult()
            if filter.matchesEverything {
                store.load(queue, offset: offset, maxCount: maxCount, into: &result)
            } else {
                store.load(queue, offset: offset, maxCount: maxCount, matching: filter, into: &result)
            }
            let loaded = result
            reader.post { $0(loaded) }
        }
        if isTaken, let patience { wait(Waiting(turn: turn, deadline: loop.now + patience, completion: completion)) }
        return isTaken
    }

    private func wait(_ pull: Waiting) {
        forgetBegun()
        waiting.append(pull)
        alarm.set(pull.deadline)
    }

    private func giveUp() {
        forgetBegun()
        let late = waiting.prefix { $0.deadline <= loop.now }
        waiting.removeFirst(late.count)
        for pull in late where pull.turn.take() { pull.completion(nil) }
        if let next = waiting.first { alarm.set(next.deadline) }
    }

    private func forgetBegun() { waiting.removeFirst(waiting.prefix { $0.turn.isOver }.count) }

    /// Reads a part of the log that is wanted soon, unless that is being done.
    func readAhead(at position: Int64) {
        guard ahead.insert(position).inserted else { return }
        let (store, reads) = (store, LoopBound(self, loop: loop))
        let isTaken = workers.run {
            store.readAhead(at: position)
            reads.post { $0.ahead.remove(position) }
        }
        // Its reader will wait for the disk instead.
        if !isTaken { ahead.remove(position) }
    }
}
