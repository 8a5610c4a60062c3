import RMQCommon
import RMQRemoting
import RMQStore

/// Has workers read from the disk what the pulls of one loop want, while the loop goes on serving. On the loop's thread only.
///
///     pull ─► worker: reads, waits for the disk ─► loop's mailbox ─► answer from the mapping
///     reader nears what is not in memory ─► worker: some MiB ahead, so that its next pulls need no worker
///
/// What is read ahead at once is bounded by the number of workers.
final class ColdReads {
    private let loop: EventLoop
    private let store: MessageStore
    private let workers: WorkerPool
    /// Parts of the log that are being read ahead for this loop.
    private var ahead: Set<Int64> = []

    init(loop: EventLoop, store: MessageStore, workers: WorkerPool) {
        self.loop = loop
        self.store = store
        self.workers = workers
    }

    /// Reads for a pull, and calls `completion` on the loop.
    /// - Returns: false when too many wait for the disk already.
    func read(_ pull: HeldPull, from offset: Int64, completion: @escaping (ReadResult) -> Void) -> Bool {
        let (store, queue, filter, maxCount) = (store, pull.queue.stored, pull.filter, pull.maxCount)
        let waiting = LoopBound(completion, loop: loop)
        return workers.run {
            var result = ReadResult()
            if filter.matchesEverything {
                store.load(queue, offset: offset, maxCount: maxCount, into: &result)
            } else {
                store.load(queue, offset: offset, maxCount: maxCount, matching: filter, into: &result)
            }
            let loaded = result
            waiting.post { $0(loaded) }
        }
    }

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
