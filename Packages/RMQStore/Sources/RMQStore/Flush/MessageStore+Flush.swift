import RMQCommon
import Synchronization

extension MessageStore {
    func startFlusher() throws(StoreError) -> StoreThread {
        guard case .asynchronous(let interval) = configuration.flush else {
            throw .featureMissing("synchronous flush", key: "flushDiskType", value: "SYNC_FLUSH")
        }
        return try StoreThread(name: "store-flush") { self.runFlusher(every: interval) }
    }

    private func runFlusher(every interval: Duration) {
        while true {
            let isStopping = flusher.signals.wait { signals -> Bool? in
                if signals.isStopping { return true }
                guard signals.hasWork else { return nil }
                signals.hasWork = false
                return false
            }
            if isStopping != false { return }
            // Let more come together; a stop does not wait.
            if flusher.signals.wait(timeout: interval, until: { $0.isStopping ? true : nil }) == true { return }
            do {
                try flushPass()
            } catch {
                refuseAppends(after: error)
                return
            }
        }
    }

    /// Writes the log back, and as many queues as the budget allows.
    private func flushPass() throws(StoreError) {
        let (end, timestamp) = appendLock.withLock { state in
            state.flushIsAnnounced = false
            return (log.maxOffset, state.lastStoreTimestamp)
        }
        try flusher.progress.withLock { (progress) throws(StoreError) in
            try flushLog(to: end, timestamp: timestamp, &progress)
            beginRound(&progress)
            let deadline = MonotonicTime.nowNanoseconds() + Flusher.queueBudgetNanoseconds
            while let queue = progress.round?.queues.popFirst() {
                try queue.flush()
                if MonotonicTime.nowNanoseconds() > deadline { break }
            }
            if progress.round?.queues.isEmpty == true {
                try endRound(&progress)
            } else {
                flusher.announce()
            }
        }
    }

    /// Makes the log durable as far as it goes now.
    /// - Returns: how far that is.
    func flushLog() throws(StoreError) -> Int64 {
        let (end, timestamp) = appendLock.withLock { (log.maxOffset, $0.lastStoreTimestamp) }
        do throws(StoreError) {
            try flusher.progress.withLock { (progress) throws(StoreError) in
                if progress.flushedEnd < end { try flushLog(to: end, timestamp: timestamp, &progress) }
            }
        } catch {
            refuseAppends(after: error)
            throw error
        }
        return end
    }

    private func flushLog(to end: Int64, timestamp: Int64, _ progress: inout Flusher.Progress) throws(StoreError) {
        try log.flush(from: progress.flushedEnd, to: end)
        progress.flushedEnd = end
        if timestamp > 0 { progress.checkpoint.physicalTimestamp = timestamp }
    }

    /// Takes the queues that have something new, if no round is under way.
    private func beginRound(_ progress: inout Flusher.Progress) {
        guard progress.round == nil else { return }
        let flushedEnd = progress.flushedEnd
        let everything = progress.mustFlushAllQueues ? queues.all : []
        let round = appendLock.withLock { state -> Flusher.Round in
            let dirty = state.dirtyQueues
            state.dirtyQueues = []
            for queue in dirty { queue.isDirty = false }
            // Entries of records behind `flushedEnd` may be among them; the checkpoint does not count on those.
            return Flusher.Round(queues: (everything + dirty)[...], end: flushedEnd, timestamp: state.lastStoreTimestamp)
        }
        progress.mustFlushAllQueues = false
        progress.round = round
    }

    private func endRound(_ progress: inout Flusher.Progress) throws(StoreError) {
        guard let round = progress.round else { return }
        progress.round = nil
        if round.timestamp > 0 { progress.checkpoint.queueTimestamp = min(round.timestamp, progress.checkpoint.physicalTimestamp) }
        let print = queues.fingerprint(below: round.end)
        progress.checkpoint.own = Checkpoint.Own(
            safeOffset: round.end, queueCount: print.count, queueNames: print.names, queueEnds: print.ends, cleanEnd: -1)
        try progress.checkpoint.write(flusher.path)
    }

    /// Makes everything durable and moves the checkpoint to the end. No other thread appends or flushes.
    func flushEverything(leavingClean: Bool) throws(StoreError) {
        try flusher.progress.withLock { (progress) throws(StoreError) in
            let end = log.maxOffset
            try flushLog(to: end, timestamp: appendLock.withLock { $0.lastStoreTimestamp }, &progress)
            for queue in progress.round?.queues ?? [] { try queue.flush() }
            progress.round = nil
            beginRound(&progress)
            for queue in progress.round?.queues ?? [] { try queue.flush() }
            progress.round?.queues = []
            try endRound(&progress)
            if leavingClean {
                progress.checkpoint.own?.cleanEnd = end
                try progress.checkpoint.write(flusher.path)
            }
        }
    }

    /// After a failed write-back nothing is acknowledged any more: the kernel may have dropped the pages, so that a
    /// second, successful one would prove nothing.
    private func refuseAppends(after error: StoreError) {
        logger.error("the store stops accepting messages: \(error)")
        appendLock.withLock { state in
            if case .system(_, let path, let code) = error {
                state.failure = .flushFailed(path: path, code: code)
            } else {
                state.failure = error
            }
        }
    }
}
