import Glibc
import RMQCommon
import Synchronization

extension MessageStore {
    func startFlusher() throws(StoreError) -> StoreThread {
        try StoreThread(name: "store-flush") { self.runFlusher() }
    }

    private func runFlusher() {
        var lastThorough = MonotonicInstant.now
        var isPostponed = false
        while true {
            let rest = max(lastThorough + settings.current.flushThoroughInterval - .now, .zero)
            guard flusher.signals.waitForWork(timeout: isPostponed ? rest : nil) else { return }
            // Let more come together; a stop does not wait.
            var current = settings.current
            if current.flushIsTimed || flushesSynchronously {
                guard flusher.signals.pause(for: current.backgroundFlushInterval) else { return }
                current = settings.current
            }
            let now = MonotonicInstant.now
            let isThorough = now >= lastThorough + current.flushThoroughInterval
            if isThorough { lastThorough = now }
            isPostponed = !isThorough && unflushedPages < current.flushLeastPages
            if isPostponed {
                // The next append wakes this thread again.
                appendLock.withLock { $0.flushIsAnnounced = false }
                continue
            }
            do {
                try flushPass()
            } catch {
                refuseAppends(after: error)
                return
            }
        }
    }

    /// Pages of the log that were begun since the last sync. Under synchronous flush that is not what a pass is for.
    private var unflushedPages: Int {
        if flushesSynchronously || flags.current.contains(.queueError) { return .max }
        let page = Int64(MappedFile.pageBytes)
        return Int((log.maxOffset + page - 1) / page - commit.flushedOffset / page)
    }

    /// Writes the log back, and as many queues as the budget allows.
    private func flushPass() throws(StoreError) {
        if flags.current.contains(.queueError) { publishConfirmed() }
        try flusher.progress.withLock { (progress) throws(StoreError) in
            try flushLog(&progress)
            let now = MonotonicInstant.now
            if progress.round == nil, now >= progress.nextRoundAt { try beginRound(&progress, now: now) }
            let deadline = now + Flusher.queueBudget
            while let queue = progress.round?.queues.popFirst() {
                try queue.flush()
                if .now > deadline { break }
            }
            if progress.round?.queues.isEmpty == true { try endRound(&progress) }
            let isDone = progress.round == nil && appendLock.withLock { $0.dirtyQueues.isEmpty }
            if !isDone { flusher.announce() }
        }
    }

    /// Syncs all queues of a round, which are many, together.
    private func flushTogether(_ progress: inout Flusher.Progress) throws(StoreError) {
        guard let round = progress.round else { return }
        let ends = round.queues.map { $0.beginFlushTogether() }
        try disk.synchronizeAll(on: configuration.consumeQueueDirectory)
        for (queue, end) in zip(round.queues, ends) { queue.endFlushTogether(end) }
        progress.round?.queues = []
    }

    /// Makes the log durable as far as it goes now.
    /// - Returns: how far that is.
    func flushLog() throws(StoreError) -> Int64 {
        let end = log.maxOffset
        try syncLog(to: end)
        return end
    }

    private func flushLog(_ progress: inout Flusher.Progress) throws(StoreError) {
        let (end, timestamp) = appendLock.withLock { state in
            if !flushesSynchronously { state.flushIsAnnounced = false }
            return (log.maxOffset, state.lastStoreTimestamp)
        }
        try syncLog(to: end)
        if timestamp > 0 { progress.checkpoint.physicalTimestamp = timestamp }
    }

    /// Takes the queues that have something new.
    private func beginRound(_ progress: inout Flusher.Progress, now: MonotonicInstant) throws(StoreError) {
        let everything = progress.mustFlushAllQueues ? queues.all : []
        let round = appendLock.withLock { state -> Flusher.Round in
            let dirty = state.dirtyQueues
            state.dirtyQueues = []
            for queue in dirty { queue.becomesClean(state) }
            // Entries of records behind `end` may be among them; the checkpoint does not count on those.
            let end = min(commit.flushedOffset, dispatchedOffset)
            return Flusher.Round(queues: (everything + dirty)[...], end: end, timestamp: state.lastStoreTimestamp)
        }
        progress.mustFlushAllQueues = false
        progress.round = round
        let isLong = round.queues.count > Flusher.queuesSyncedOneByOne
        progress.nextRoundAt = now + (isLong ? Flusher.longRoundPause : Flusher.roundPause)
        if isLong { try flushTogether(&progress) }
    }

    /// Moves the checkpoint. When there is no room for it, the next round does; the old one only makes recovery longer.
    private func endRound(_ progress: inout Flusher.Progress) throws(StoreError) {
        guard let round = progress.round else { return }
        progress.round = nil
        if round.timestamp > 0 { progress.checkpoint.queueTimestamp = min(round.timestamp, progress.checkpoint.physicalTimestamp) }
        progress.checkpoint.own = Checkpoint.Own(safeOffset: round.end, queues: queues.print(below: round.end), cleanEnd: -1)
        do throws(StoreError) {
            try flusher.write(progress.checkpoint)
        } catch where error.isFullDisk {
            logger.warning("the checkpoint is not up to date: \(error)")
        }
    }

    /// Makes everything durable that was appended so far, and moves the checkpoint there.
    /// - Parameter leavingClean: only when no other thread appends or flushes any more.
    func flushEverything(leavingClean: Bool) throws(StoreError) {
        try flusher.progress.withLock { (progress) throws(StoreError) in
            let end = log.maxOffset
            try flushEverything(&progress)
            if leavingClean, progress.checkpoint.own?.safeOffset == end {
                progress.checkpoint.own?.cleanEnd = end
                try flusher.write(progress.checkpoint)
            }
        }
    }

    func flushEverything(_ progress: inout Flusher.Progress) throws(StoreError) {
        try flushLog(&progress)
        for queue in progress.round?.queues ?? [] { try queue.flush() }
        try beginRound(&progress, now: .now)
        for queue in progress.round?.queues ?? [] { try queue.flush() }
        progress.round?.queues = []
        try endRound(&progress)
    }
}
