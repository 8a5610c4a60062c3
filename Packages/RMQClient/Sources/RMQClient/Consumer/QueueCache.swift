import RMQCommon

/// What one assigned queue has pulled and not settled yet, and from which offset the group would resume.
///
/// A value: the queue that owns it guards it with its lock. Only how far messages have come changes without that lock.
///
///     runs      [done done open done] [open open open] …
///                         └ the offset to commit: the smallest one that is not settled
struct QueueCache: Sendable {
    private var runs: [PulledRun] = []
    /// All messages of the first run before this one are settled.
    private var firstOpen = 0
    /// Runs were settled and forgotten.
    private var hasForgotten = false
    private var lastOffset: Int64 = -1

    /// Adds what a pull brought, without what does not lie behind all earlier messages, which a broker never sends.
    /// - Returns: nil when nothing is left.
    mutating func add(_ messages: [StoredMessage], of queue: AssignedQueue) -> PulledRun? {
        var messages = messages
        if !Self.isAscending(messages, behind: lastOffset) {
            var last = lastOffset
            messages.removeAll { message in
                // The end of the numbers has no number behind it to commit.
                guard message.queueOffset > last, message.queueOffset < .max else { return true }
                last = message.queueOffset
                return false
            }
        }
        guard let last = messages.last else { return nil }
        let run = PulledRun(messages, of: queue)
        lastOffset = last.queueOffset
        runs.append(run)
        return run
    }

    private static func isAscending(_ messages: [StoredMessage], behind offset: Int64) -> Bool {
        var last = offset
        for index in messages.indices {
            let offset = messages[index].queueOffset
            guard offset > last, offset < .max else { return false }
            last = offset
        }
        return true
    }

    /// The offset to commit; nil when nothing was settled yet.
    mutating func commitOffset() -> Int64? {
        forgetSettled()
        guard hasForgotten || runs.contains(where: { $0.openCount < $0.messages.count }) else { return nil }
        return firstOpenOffset ?? (lastOffset >= 0 ? lastOffset + 1 : nil)
    }

    mutating func isEmpty() -> Bool {
        forgetSettled()
        return runs.isEmpty
    }

    /// Whether pulling pauses.
    /// - Parameter coming: counts as if it were here.
    mutating func isFull(_ limits: CacheLimits, beside coming: ComingMessages? = nil) -> Bool {
        forgetSettled()
        guard let first = firstOpenOffset ?? coming?.offsets.lowerBound else { return false }
        let last = max(lastOffset, coming?.offsets.upperBound ?? lastOffset)
        let bytesToCome = coming?.bytes ?? 0
        return last - first > limits.maxOffsetSpan || count + (coming?.count ?? 0) > limits.messagesPerQueue
            || (runs.reduce(bytesToCome) { $0 + $1.byteCount } > limits.bytesPerQueue && byteCount + bytesToCome > limits.bytesPerQueue)
    }

    /// The oldest messages that are not settled: those that come next where order counts.
    mutating func open(atMost count: Int) -> [(run: PulledRun, index: Int)] {
        forgetSettled()
        var found: [(run: PulledRun, index: Int)] = []
        for (number, run) in runs.enumerated() {
            for index in (number == 0 ? firstOpen : 0)..<run.messages.count where !run.isSettled(index) {
                if found.count == count { return found }
                found.append((run, index))
            }
        }
        return found
    }

    /// Messages that were handed out before a moment and are still in hand, oldest first.
    func inHand(before limit: Int64, atMost count: Int) -> [(run: PulledRun, index: Int, mark: MessageMark)] {
        Array(runs.lazy.flatMap { run in run.inHand(before: limit).map { (run: run, index: $0.index, mark: $0.mark) } }.prefix(count))
    }

    /// Gives everything up; nothing of it is handed out any more.
    /// - Returns: the runs that are not settled.
    mutating func clear() -> [PulledRun] {
        forgetSettled()
        for run in runs { run.close() }
        defer {
            runs = []
            firstOpen = 0
        }
        return runs
    }

    /// Messages that wait or are being handled.
    var count: Int { runs.reduce(0) { $0 + $1.openCount } }
    /// Bytes of their bodies.
    var byteCount: Int { runs.reduce(0) { $0 + $1.openByteCount } }
    /// The offsets of the first and the last of them; nil without any. Exact after a call that looked for settled ones.
    var offsets: ClosedRange<Int64>? { firstOpenOffset.map { $0...lastOffset } }

    private var firstOpenOffset: Int64? { runs.first.map { $0.messages[firstOpen].queueOffset } }

    private mutating func forgetSettled() {
        let done = runs.prefix { $0.openCount == 0 }.count
        if done > 0 {
            runs.removeFirst(done)
            firstOpen = 0
            hasForgotten = true
        }
        guard let run = runs.first else { return }
        // Others go on settling: a run may get its last mark meanwhile, so this stops at its last message.
        while firstOpen < run.messages.count - 1, run.isSettled(firstOpen) { firstOpen += 1 }
    }
}
