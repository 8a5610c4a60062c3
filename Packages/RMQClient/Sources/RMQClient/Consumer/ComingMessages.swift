/// Messages that were pulled and are not read yet: at most these, for some may be filtered out.
struct ComingMessages: Sendable {
    let offsets: ClosedRange<Int64>
    let bytes: Int
    var count: Int { Int(offsets.upperBound - offsets.lowerBound) + 1 }

    /// More than a cache usually takes: so much is not foreseen, but pulled when the answer is read.
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
