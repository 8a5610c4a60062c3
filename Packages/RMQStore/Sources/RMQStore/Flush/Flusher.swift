import RMQCommon
import Synchronization

/// When something has to be written back without anybody waiting for it, and what the checkpoint file says.
///
/// The thread sleeps until the first append after a pass announces itself, waits the flush interval, and does one pass: the
/// log at once, the queues in rounds that may take several passes (10,000 queues must not delay the log). A finished round
/// moves the checkpoint. An idle store wakes nothing.
final class Flusher: Sendable {
    /// What one round of queues makes durable: all entries of records below `end`.
    struct Round {
        var queues: ArraySlice<ConsumeQueue>
        var end: Int64
        var timestamp: Int64
    }

    /// Flush thread only; before it starts and after it ends, whoever opens or closes the store.
    struct Progress {
        var checkpoint: Checkpoint
        var round: Round?
        /// After a crash: it is not known which entries are on the disk.
        var mustFlushAllQueues: Bool
        /// When the next round may begin.
        var nextRoundAt = MonotonicInstant(nanoseconds: 0)
    }

    /// How much of a pass goes to queues.
    static let queueBudget: Duration = .milliseconds(250)
    /// A round of more queues than this syncs their file system in one go. Each sync of a queue that got new blocks is a
    /// commit of the file system's journal, 1 to 3 ms, during which page faults of appends wait; with 4,000 queues that
    /// left 2,500 appends/s of 800,000.
    static let queuesSyncedOneByOne = 64
    /// Pauses between two rounds; queues are written again from the log if need be. The longer one keeps the cost of making
    /// tens of thousands of pages writable again, 2 µs each, below 1 %.
    static let roundPause: Duration = .seconds(1)
    static let longRoundPause: Duration = .seconds(10)

    private let path: String
    private let disk: DiskCalls
    let signals = Monitor(ThreadSignals())
    let progress: Mutex<Progress>

    init(path: String, checkpoint: Checkpoint, mustFlushAllQueues: Bool, disk: DiskCalls) {
        self.path = path
        self.disk = disk
        progress = Mutex(Progress(checkpoint: checkpoint, round: nil, mustFlushAllQueues: mustFlushAllQueues))
    }

    func announce() {
        signals.announce()
    }

    /// Has the thread look at its settings now.
    func reconsider() {
        signals.change { signals in
            signals.hasWork = true
            signals.isHurried = true
        }
    }

    /// From now on the log may grow: a crash must not find the mark of a clean stop, nor a safe offset behind the log's end.
    ///
    /// Without a safe offset nothing is known to be written back. That is said, too: a crash before the first round would
    /// otherwise leave queue files that look like the reference's, whose entries are taken as they are, torn ones included.
    func begin(logStart: Int64, logEnd: Int64) throws(StoreError) {
        try progress.withLock { (progress) throws(StoreError) in
            try progress.begin(logStart: logStart, logEnd: logEnd, self)
        }
    }

    /// Writes the checkpoint file and waits for the disk.
    func write(_ checkpoint: Checkpoint) throws(StoreError) { try checkpoint.write(path, disk) }
}

extension Flusher.Progress {
    /// Says in the checkpoint that the log ends at `logEnd` at the earliest, and may grow from there.
    mutating func begin(logStart: Int64, logEnd: Int64, _ flusher: Flusher) throws(StoreError) {
        if checkpoint.own?.safeOffset ?? .max > logEnd {
            checkpoint.own = Checkpoint.Own(safeOffset: logStart, queues: QueuePrint(), cleanEnd: -1)
        }
        checkpoint.own?.cleanEnd = -1
        // Without a mark it is not known how far the index goes; after a crash that may be further than the log.
        if checkpoint.index?.indexedOffset ?? (mustFlushAllQueues ? .max : 0) > logEnd { checkpoint.cutIndex(to: logEnd) }
        try flusher.write(checkpoint)
    }
}
