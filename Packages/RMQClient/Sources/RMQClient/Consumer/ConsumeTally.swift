import RMQCommon

/// What became of some messages of one topic that were handled one after the other, for the statistics: counted on the way, told once.
struct ConsumeTally {
    let topic: String
    private(set) var succeeded = 0
    private(set) var failed = 0
    private let start = MonotonicInstant.now

    init(of topic: String) { self.topic = topic }

    mutating func add(_ result: ConsumeResult) {
        if result.returnLevel == nil { succeeded += 1 } else { failed += 1 }
    }

    mutating func add(succeeded: Int, failed: Int) {
        self.succeeded += succeeded
        self.failed += failed
    }

    /// From the first message to now.
    var elapsed: Duration { MonotonicInstant.now - start }
}
