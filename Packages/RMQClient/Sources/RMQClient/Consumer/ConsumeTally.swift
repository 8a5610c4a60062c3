import RMQCommon

/// What became of some messages of one queue that were handled one after the other, for the statistics: counted on the way, told once.
struct ConsumeTally {
    private let queue: AssignedQueue
    private var succeeded = 0
    private var failed = 0
    private var runs = 0
    private let start = MonotonicInstant.now

    /// The time of the handlers begins now.
    init(of queue: AssignedQueue) { self.queue = queue }

    /// One handler has ended.
    mutating func add(succeeded: Int = 0, failed: Int = 0) {
        self.succeeded += succeeded
        self.failed += failed
        runs += 1
    }

    /// Tells the statistics.
    /// - Returns: how often handlers ran, and how long in all.
    @discardableResult
    func tell() -> (runs: Int, time: Duration) {
        guard runs > 0 else { return (0, .zero) }
        let time = MonotonicInstant.now - start
        queue.counts?.countHandled(succeeded: succeeded, failed: failed, runs: runs, elapsed: time)
        return (runs, time)
    }
}
