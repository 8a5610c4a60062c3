/// Somebody who wants to know when one of the log's ends has moved on: a replica's sender, the index, a loop with sends that wait.
///
///     let follower = store.follow(.appended) { follower in wakeSender() }
///     …
///     send everything up to `end`
///     switch follower.arm(beyond: end) {
///     case .willCall: break            // sleep
///     case .lookAgain: go on           // there is more already, or something else to know
///     case .hasEnded: stop
///     }
///
/// It belongs to one thread or loop at a time; only ``cancel()`` may come from any.
public final class LogFollower: Sendable {
    /// What became of the wish to be called.
    public enum Answer: Sendable, Equatable {
        /// One call will come once the end is beyond the offset. It comes, too, when nothing is acknowledged any more
        /// (``MessageStore/flushFailure``), when the store changes its role, when the log is cut, and when the store closes.
        case willCall
        /// It is so already; or what would have been told by a call (a failure, another role, a cut) happened since this was
        /// called or answered last, and whoever looked may have looked before. No call will come.
        case lookAgain
        /// The store is closed, or this was cancelled.
        case hasEnded
    }

    /// Which end of the log it follows.
    public let end: LogEnd
    private let growth: LogGrowth
    private let body: @Sendable (LogFollower) -> Void

    init(_ end: LogEnd, growth: LogGrowth, body: @escaping @Sendable (LogFollower) -> Void) {
        self.end = end
        self.growth = growth
        self.body = body
    }

    /// Asks to be called, once, when the end is beyond `offset`. A second time replaces the first.
    public func arm(beyond offset: Int64) -> Answer { growth.arm(self, beyond: offset) }

    /// No call comes any more, but for one that another thread is just making. From inside a call, too. Harmless when repeated.
    public func cancel() { growth.remove(self) }

    func call() { body(self) }
}

extension MessageStore {
    /// Lets somebody follow the log. Nothing is called before ``LogFollower/arm(beyond:)``; ends with ``LogFollower/cancel()`` or the
    /// store's ``close()``.
    /// - Parameter wake: called by the thread that moved the end (an appending one before its `append` returns, or the one
    ///   that synced), never under the append lock. It must return soon and must not wait for the store; it may arm and cancel.
    public func follow(_ end: LogEnd, _ wake: @escaping @Sendable (LogFollower) -> Void) -> LogFollower {
        let follower = LogFollower(end, growth: growth, body: wake)
        growth.add(follower)
        return follower
    }

    /// How far an end is. None goes back, unless the log is cut.
    public func offset(of end: LogEnd) -> Int64 { progress.offset(of: end) }
}
