import RMQCommon

/// What became of some messages of one queue that were handled one after the other, for the statistics: counted on the way, told once.
///
/// The time that counts is that of the handlers. It is not taken for each message, which costs more than many a handler: it runs on from one to
/// the next, and stands still while messages are sent back.
struct ConsumeTally {
    private let queue: AssignedQueue
    private var succeeded = 0
    private var failed = 0
    private var runs = 0
    private var elapsed = Duration.zero
    /// When the time began to run; nil while it stands still.
    private var start: MonotonicInstant? = .now

    /// The time of the handlers begins now.
    init(of queue: AssignedQueue) { self.queue = queue }

    /// One handler has ended.
    mutating func add(succeeded: Int = 0, failed: Int = 0) {
        self.succeeded += succeeded
        self.failed += failed
        runs += 1
    }

    /// The time stands still.
    mutating func pause() {
        if let start = start.take() { elapsed += MonotonicInstant.now - start }
    }

    /// The time runs again.
    mutating func resume() { start = .now }

    /// Tells the statistics.
    /// - Returns: how often handlers ran, and how long in all.
    @discardableResult
    mutating func tell() -> (runs: Int, time: Duration) {
        guard runs > 0 else { return (0, .zero) }
        pause()
        queue.counts?.countHandled(succeeded: succeeded, failed: failed, runs: runs, elapsed: elapsed)
        return (runs, elapsed)
    }
}
