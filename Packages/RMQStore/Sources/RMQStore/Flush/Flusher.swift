import RMQCommon
import Synchronization

/// When something has to be written back, and what the checkpoint file says.
///
/// The thread sleeps until the first append after a pass announces itself, waits the flush interval, and does one pass: the
/// log at once, the queues in rounds that may take several passes (10,000 queues must not delay the log). A finished round
/// moves the checkpoint. An idle store wakes nothing.
final class Flusher: Sendable {
    struct Signals {
        var hasWork = false
        var isStopping = false
    }

    /// What one round of queues makes durable: all entries of records below `end`.
    struct Round {
        var queues: ArraySlice<ConsumeQueue>
        var end: Int64
        var timestamp: Int64
    }

    /// Flush thread only; before it starts and after it ends, whoever opens or closes the store.
    struct Progress {
        var checkpoint: Checkpoint
        var flushedEnd: Int64
        var round: Round?
        /// Recovery wrote entries of queues that no append has marked.
        var mustFlushAllQueues: Bool
    }

    /// How much of a pass goes to queues.
    static let queueBudgetNanoseconds: UInt64 = 250_000_000

    let path: String
    let signals = Monitor(Signals())
    let progress: Mutex<Progress>

    init(path: String, checkpoint: Checkpoint, flushedEnd: Int64, recoveredEntries: Bool) {
        self.path = path
        progress = Mutex(Progress(checkpoint: checkpoint, flushedEnd: flushedEnd, round: nil, mustFlushAllQueues: recoveredEntries))
    }

    func announce() {
        signals.change { $0.hasWork = true }
    }

    /// From now on the log may grow: a crash must not find the mark of a clean stop.
    func invalidateCleanEnd() throws(StoreError) {
        try progress.withLock { (progress) throws(StoreError) in
            guard progress.checkpoint.own?.cleanEnd ?? -1 != -1 else { return }
            progress.checkpoint.own?.cleanEnd = -1
            try progress.checkpoint.write(path)
        }
    }

    func stop(_ thread: StoreThread) {
        signals.change { $0.isStopping = true }
        thread.join()
    }
}
