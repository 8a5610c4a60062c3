import RMQCommon

/// Notices that nothing has come for too long. A value: the time is passed in.
struct IdleLimit: Sendable {
    let limit: Duration
    private var count: Int64 = 0
    private var since: Int64

    /// - Parameter now: in nanoseconds of any clock.
    init(_ limit: Duration, now: Int64) {
        self.limit = limit
        since = now
    }

    /// - Parameter count: how many have come so far.
    /// - Returns: whether nothing has come for the limit.
    mutating func isReached(count: Int64, now: Int64) -> Bool {
        if count != self.count {
            self.count = count
            since = now
        }
        return now - since >= limit.nanoseconds
    }
}
