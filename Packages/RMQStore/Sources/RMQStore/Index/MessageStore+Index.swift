import RMQCommon
import Synchronization

extension MessageStore {
    /// All messages before this log offset can be found by their keys.
    public var indexedOffset: Int64 { index.indexedOffset }

    /// Removes the oldest index files as long as all their messages have left the log. The newest one stays.
    func removeExpiredIndexFiles() throws(StoreError) {
        try index.files.removeExpired(logMinimum: log.minOffset)
    }

    func startIndexBuilder() throws(StoreError) {
        guard configuration.indexesMessages else { return }
        let thread = try SystemThread.starting("store-index") { self.runIndexBuilder() }
        index.thread.withLock { $0 = thread }
    }

    /// Waits until the index has caught up and is on the disk, or has used up its time for it.
    func stopIndexBuilder() {
        guard let thread = index.thread.withLock({ thread in
            defer { thread = nil }
            return thread
        }) else { return }
        index.signals.change { $0.isStopping = true }
        thread.join()
    }

    // MARK: The thread

    /// What the index thread remembers between two steps.
    private struct IndexWork {
        var follower: IndexFollower
        /// Wakes the thread when more is readable.
        let growth: LogFollower
        /// Up to where the checkpoint vouches for the index; nil: not known.
        var savedOffset: Int64?
        var nextSave: MonotonicInstant
        /// A write-back failed, and a later one proves nothing about the pages that the kernel dropped: after the next
        /// crash the index is built again from what was durable before.
        var cannotSave = false
    }

    private func runIndexBuilder() {
        var work = IndexWork(
            follower: IndexFollower(log: log, files: index.files, logger: logger, clock: clocks.wall),
            growth: follow(.readable) { [index] _ in index.announce() }, nextSave: nextIndexSave())
        defer { work.growth.cancel() }
        var hasFailed = false
        while true {
            do {
                guard try indexStep(&work) else { return }
                hasFailed = false
            } catch {
                if !hasFailed { logger.error("messages are not indexed by their keys until this goes away: \(error)") }
                hasFailed = true
                if index.isStopping(within: IndexBuilder.retryDelay) { return }
            }
        }
    }

    /// Follows the log for a while, then sleeps until there is something to do.
    /// - Returns: false when the store stops.
    private func indexStep(_ work: inout IndexWork) throws(StoreError) -> Bool {
        try prepareIndex(&work)
        let end = dispatchedOffset
        let start = work.follower.position
        try work.follower.follow(to: end, maxRecords: IndexBuilder.batchRecords)
        if work.follower.hasUnsavedFullFile { saveIndex(&work) }
        index.hasFollowed(to: work.follower.position)
        let hasMoved = work.follower.position != start
        let isSaved = work.cannotSave || work.savedOffset == work.follower.position
        let now = MonotonicInstant.now
        if !isSaved, now >= work.nextSave { saveIndex(&work) }
        let pause: Duration? =
            if hasMoved { work.follower.position < end ? .zero : IndexBuilder.nap }
            else if work.growth.arm(beyond: end) == .lookAgain { .zero }
            else { isSaved ? nil : work.nextSave - now }
        switch index.next(timeout: pause, ignoringWork: hasMoved) {
        case nil, .work: break
        case .damage(let name):
            logger.warning("index file \(name) contradicts the log; it and all later ones are written again from the log")
            try work.follower.goBack(before: name, logEnd: dispatchedOffset)
            index.hasGoneBack(to: work.follower.position, after: .damage(name))
            saveIndex(&work, afterGoingBack: true)
        case .cut(let end):
            try cutIndex(to: end, &work)
            index.hasGoneBack(to: work.follower.position, after: .cut(end))
            saveIndex(&work, afterGoingBack: true)
        case .stop:
            try catchUp(&work.follower)
            index.hasFollowed(to: work.follower.position)
            saveIndex(&work)
            return false
        }
        return true
    }

    /// Carries out what was decided at opening.
    private func prepareIndex(_ work: inout IndexWork) throws(StoreError) {
        if let (plan, logEnd) = index.plan.withLock({ $0 }) {
            try work.follower.prepare(plan, logEnd: logEnd)
            index.plan.withLock { $0 = nil }
            if plan.changesFiles { saveIndex(&work, afterGoingBack: true) }
        }
    }

    /// Forgets the messages that the log lost when it was cut.
    private func cutIndex(to end: Int64, _ work: inout IndexWork) throws(StoreError) {
        guard end < work.follower.position else { return }
        var plan = IndexPlan(found: index.files.snapshot, mark: nil, wasClean: true, flushedTimestamp: .max, flushedOffset: .max, logEnd: end)
        plan.mayHaveGaps = false
        plan.indexedOffset = end
        try work.follower.prepare(plan, logEnd: end)
    }

    private func catchUp(_ follower: inout IndexFollower) throws(StoreError) {
        let deadline = MonotonicInstant.now + IndexBuilder.stopLimit
        let end = dispatchedOffset
        var start: Int64 = -1
        while follower.position < end, follower.position != start, MonotonicInstant.now < deadline {
            start = follower.position
            try follower.follow(to: end, maxRecords: IndexBuilder.batchRecords)
        }
    }

    /// Makes the index durable and has the checkpoint say so.
    /// - Parameter afterGoingBack: entries went, and others will take their place: the checkpoint must not count on these.
    private func saveIndex(_ work: inout IndexWork, afterGoingBack: Bool = false) {
        if afterGoingBack { work.savedOffset = nil }
        guard !work.cannotSave, work.savedOffset != work.follower.position else { return }
        do {
            let (mark, fullTimestamp) = try work.follower.save()
            let isSaved = try flusher.progress.withLock { (progress) throws(StoreError) in
                // The log was cut meanwhile, and what it has there now is not what the index has.
                if index.awaitsCut { return false }
                progress.checkpoint.index = mark
                if let timestamp = fullTimestamp ?? (afterGoingBack ? 0 : nil) { progress.checkpoint.indexTimestamp = timestamp }
                try flusher.write(progress.checkpoint)
                return true
            }
            if isSaved { work.savedOffset = work.follower.position }
        } catch {
            logger.error("the index is not made durable any more: \(error)")
            work.cannotSave = true
        }
        work.nextSave = nextIndexSave()
    }

    private func nextIndexSave() -> MonotonicInstant { .now + configuration.indexSaveInterval }
}
