import RMQCommon
import Synchronization

extension MessageStore {
    /// Everything below is as safe as the configuration promises: on the disk under synchronous flush, acknowledged by the
    /// replicas that are waited for. Never goes back while the store runs.
    public var confirmedOffset: Int64 { progress.confirmedOffset() }

    /// Everything below survives a power failure.
    public var flushedOffset: Int64 { commit.flushedOffset }

    /// Why nothing is acknowledged any more; nil while all is well.
    public var flushFailure: StoreError? { commit.failure }

    /// Appends and waits until the configuration's promise holds. Blocks: not for an event loop.
    public func appendAndWait(_ draft: RecordDraft) throws(StoreError) -> (result: AppendResult, status: AppendStatus) {
        let result = try append(draft, wakesCommit: false)
        return (result, try waitUntilConfirmed(result))
    }

    /// Waits until an append is as safe as the configuration promises.
    ///
    /// The calling thread does the sync itself when nobody else is at it.
    /// - Returns: `ok`, or which promise did not come true in time; the message is stored in any case.
    /// - Throws: `flushFailed` or `roleChanged`: it may or may not be there, or be there when the store is opened again.
    public func waitUntilConfirmed(_ result: AppendResult) throws(StoreError) -> AppendStatus {
        try waitUntilConfirmed(result.end, epoch: result.epoch)
    }

    /// The same for everything that the log has below `end` now.
    public func waitUntilConfirmed(_ end: Int64) throws(StoreError) -> AppendStatus { try waitUntilConfirmed(end, epoch: epoch) }

    private func waitUntilConfirmed(_ end: Int64, epoch: Int64) throws(StoreError) -> AppendStatus {
        let status = try promised(end, epoch)
        // After all that was looked at.
        if self.epoch != epoch { throw .roleChanged }
        return status
    }

    private func promised(_ end: Int64, _ epoch: Int64) throws(StoreError) -> AppendStatus {
        let start = MonotonicInstant.now
        var status = AppendStatus.ok
        if flushesSynchronously {
            let isFlushed = try wait(end, epoch, since: start, settings.syncFlushTimeout) { self.commit.flushedOffset >= end }
            if !isFlushed { status = .flushDiskTimeout }
        }
        guard replicas.required > 0 else { return status }
        guard replicas.areAvailable(end: end) else { return .replicaNotAvailable }
        let isReplicated = try wait(end, epoch, since: start, configuration.replicaTimeout) { self.replicas.confirmedOffset >= end }
        return isReplicated ? status : .flushReplicaTimeout
    }

    /// - Returns: false when that takes too long. Ends, too, when the epoch does, whatever is confirmed.
    private func wait(
        _ end: Int64, _ epoch: Int64, since start: MonotonicInstant, _ timeout: Duration, holds: @escaping () -> Bool
    ) throws(StoreError) -> Bool {
        let isConfirmed = { holds() || self.epoch != epoch }
        while !isConfirmed() {
            let passed = MonotonicInstant.now - start
            guard passed < timeout else { return false }
            let needsSync = flushesSynchronously && commit.flushedOffset < end
            switch commit.wait(timeout: timeout - passed, needsSync: needsSync, isConfirmed: isConfirmed) {
            case nil, .confirmed: break
            case .failed(let failure): throw failure
            case .sync: sync()
            }
        }
        return true
    }

    // MARK: Syncing

    /// Makes everything appended so far durable, makes readable what is confirmed thereby, and wakes those who wait. The
    /// calling thread has the turn.
    ///
    /// An error is final: the kernel may have dropped the pages, so that a second, successful sync would prove nothing.
    private func sync() {
        guard commit.failure == nil else { return commit.finish() }
        var failure: StoreError?
        do throws(StoreError) {
            let end = appendLock.withLock { state in
                if flushesSynchronously { state.flushIsAnnounced = false }
                return log.maxOffset
            }
            // Not before the end is known: then all deletions before what was appended below it are among these.
            try syncChangedFolders()
            try log.flush(from: commit.flushedOffset, to: end)
            // In this order: whoever finds its message confirmed can read it.
            publishConfirmed(flushed: end)
            commit.advance(to: end)
        } catch {
            failure = error
        }
        if let failure { refuseAppends(after: failure) }
        commit.finish()
        if flushesSynchronously { flusher.announce() }
        growth.moved()
    }

    /// Makes deletions durable. The calling thread has the turn.
    private func syncChangedFolders() throws(StoreError) {
        for folder in commit.changedFolders.withLock({ $0.begin() }) { try disk.synchronizeNames(in: folder) }
        commit.changedFolders.withLock { $0.end() }
    }

    /// Syncs at least up to `end`, and all deletions, by this thread or whichever is at it.
    func syncLog(to end: Int64) throws(StoreError) {
        let isDurable = { self.commit.flushedOffset >= end && self.commit.changedFolders.withLock(\.isEmpty) }
        while true {
            switch commit.wait(timeout: nil, needsSync: true, isConfirmed: isDurable) {
            case .confirmed, nil: return
            case .failed(let failure): throw failure
            case .sync: sync()
            }
        }
    }

    /// Makes readable what is confirmed. When a consume queue cannot be written, appends are refused until it can.
    /// - Parameter flushed: up to where the log is on the disk, when that is further than has been said.
    func publishConfirmed(flushed: Int64 = 0) {
        guard !publishesAtAppend else { return }
        do throws(StoreError) {
            try dispatch(below: progress.confirmedOffset(flushed: flushed))
            if flags.clear(.queueError) { logger.info("the consume queues can be written again") }
        } catch {
            if flags.set(.queueError) { logger.error("confirmed messages stay invisible, and no more are taken, until this works again: \(error)") }
            flusher.announce()
        }
    }

    /// After a failed write-back nothing is acknowledged any more, and nothing unconfirmed becomes readable.
    func refuseAppends(after error: StoreError) {
        var failure = error
        if case .system(_, let path, let code) = error { failure = .flushFailed(path: path, code: code) }
        guard commit.fail(failure) else { return }
        flags.set(.flushFailed)
        logger.error("the store stops accepting messages: \(error)")
        growth.callAll()
    }

    // MARK: The thread for those who do not wait

    func startCommitThread() throws(StoreError) -> StoreThread? {
        guard flushesSynchronously else { return nil }
        return try StoreThread(name: "store-commit") { self.runCommit() }
    }

    private func runCommit() {
        while commit.requests.waitForWork() {
            do { try syncLog(to: log.maxOffset) } catch { return }
        }
    }
}
