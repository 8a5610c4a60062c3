import RMQCommon
import Synchronization

/// Whether messages are taken at all.
extension MessageStore {
    /// Throws when a message would not be taken now, before the trouble of encoding it. One load and a comparison.
    ///
    /// The reasons, in this order: the store is not running, it is a replica, it is not writeable, or somebody has been
    /// writing for longer than `osPageCacheBusyTimeOutMills`.
    public func checkAccepting() throws(StoreError) {
        if !flags.current.isEmpty { throw refusal() }
        try checkPageCache()
    }

    /// Why `flags` keep messages out.
    func refusal() -> StoreError {
        let reasons = flags.current
        if reasons.contains(.notRunning) { return .notRunning }
        if reasons.contains(.replica) { return .isReplica }
        return flushFailure ?? .notWriteable(reasons)
    }

    @inline(__always)
    func checkPageCache() throws(StoreError) {
        if let busy = pageCacheBusy { throw busy }
    }

    /// Why a message should not wait to be written: somebody has been writing for longer than `osPageCacheBusyTimeOutMills`, and all
    /// others wait for that. Nil as a rule. One load.
    @inline(__always)
    public var pageCacheBusy: StoreError? {
        let since = lockedSince.load(ordering: .relaxed)
        return since == 0 ? nil : pageCacheBusy(lockedSince: since)
    }

    private func pageCacheBusy(lockedSince since: Int64) -> StoreError? {
        let held = CoarseClock.milliseconds() - since
        let limit = settings.pageCacheBusyMilliseconds
        return held > limit ? .pageCacheBusy(milliseconds: held, limit: limit) : nil
    }
}
