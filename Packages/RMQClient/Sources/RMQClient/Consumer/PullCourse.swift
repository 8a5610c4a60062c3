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

/// Messages that were pulled and are not read yet: at most these, for some may be filtered out.
struct ComingMessages: Sendable {
    let offsets: ClosedRange<Int64>
    let bytes: Int
    var count: Int { Int(offsets.upperBound - offsets.lowerBound) + 1 }

    /// More than any limit of a cache allows.
    static let longestSpan = 1 << 20

    init(offsets: ClosedRange<Int64>, bytes: Int) {
        self.offsets = offsets
        self.bytes = bytes
    }

    /// As many bytes for each offset as an answer had.
    /// - Parameter each: the offsets of that answer.
    /// - Returns: nil when there are none, and when they are too many to foresee anything.
    init?(_ offsets: Range<Int64>, bytes: Int, each: Range<Int64>) {
        guard offsets.lowerBound >= 0, !offsets.isEmpty, offsets.upperBound - offsets.lowerBound <= Self.longestSpan, !each.isEmpty else { return nil }
        self.init(offsets: offsets.lowerBound...(offsets.upperBound - 1), bytes: bytes / each.count * offsets.count)
    }
}

/// Where in its queue a burst pulls next.
///
/// While each answer is as long as the one before it and more than another one is there, two pulls are on their way: the second one begins
/// where the answer to the first will end, if it is as long. When it is not, the second one was in vain, and the burst sends no other like it.
///
/// A value without clock or lock.
struct PullCourse {
    struct Pull: Sendable {
        let offset: Int64
        /// It was sent before it was known that it begins where the one before it ends.
        let isAhead: Bool
        fileprivate let generation: Int
    }

    /// Where the answer begins that comes next.
    private var next: Int64
    /// How many pulls are on their way from there on, one behind the other.
    private var count = 0
    /// Of the last answer, in offsets; 0 before one.
    private var step: Int64 = 0
    private var isEven = false
    private var mayGoAhead = true
    /// The offset of the queue's end, as far as it is known.
    private var end: Int64 = 0
    /// Pulls of earlier ones were in vain.
    private var generation = 0

    init(at offset: Int64) { next = offset }

    /// Enough for the broker to work on one while the answer to the other is read.
    private static let mostPulls = 2

    var isPulling: Bool { count > 0 }
    func isValid(_ pull: Pull) -> Bool { pull.generation == generation }
    func isNext(_ pull: Pull) -> Bool { pull.offset == next }

    /// Where a pull would begin, if another one makes sense now.
    var wish: Int64? {
        guard count > 0 else { return next }
        // Within reach for certain: such a pull is never held by the broker.
        guard count < Self.mostPulls, mayGoAhead, isEven, end - next >= (Int64(count) + 1) * step else { return nil }
        return next + Int64(count) * step
    }

    /// Sends a pull from where it is wished, or from the next offset.
    mutating func goOn() -> Pull {
        defer { count += 1 }
        return Pull(offset: wish ?? next, isAhead: count > 0, generation: generation)
    }

    /// The answer came that is next.
    /// - Parameters:
    ///   - offset: where to go on.
    ///   - end: of the queue.
    mutating func answered(_ pull: Pull, next offset: Int64, end: Int64) {
        assert(isValid(pull) && isNext(pull) && count > 0, "an answer that is not awaited")
        let length = offset.subtractingReportingOverflow(pull.offset)
        // Steps that are longer than any cache lead nowhere, nor do those of a broker that counts from below zero.
        isEven = !length.overflow && length.partialValue == step && (1...Int64(ComingMessages.longestSpan)).contains(step) && pull.offset >= 0 && end >= 0
        count -= 1
        if count > 0, length.overflow || length.partialValue != step {
            count = 0
            generation += 1
            mayGoAhead = false
        }
        step = length.overflow ? 0 : length.partialValue
        next = offset
        self.end = end
    }
}
