import RMQRemoting

/// For whom a burst pulls: one queue of a consumer. Called on the network's thread; nothing of it waits.
protocol PullReceiver: Sendable {
    /// The next pull is about to be sent.
    /// - Returns: the group's offset, which goes along; nil for none.
    func beginPull() -> Int64?
    /// Whether the next pull may be sent, as the burst pulls.
    /// - Parameter coming: what ``take(_:elapsed:behindFlushOf:)`` will bring before that; nil for nothing.
    func mayPull(beside coming: ComingMessages?) -> Bool
    /// Caches what a pull brought, or notes that there was nothing.
    /// - Parameter loop: the one whose wake-up this is, where more answers may follow at once; nil where that is not so.
    func take(_ result: PullResult, elapsed: Duration, behindFlushOf loop: EventLoop?)
}
