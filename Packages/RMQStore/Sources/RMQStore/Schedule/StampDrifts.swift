/// By how much the wall clock had been set when the entries of the delay levels were stamped, since the store was opened.
///
/// Entries say when they are due by the clock of that time. What is kept here brings that to one clock again:
///
///     offset   0          17               40
///              +----------+----------------+----►
///     drift    0          +3,600,000 ms    -5 ms
///
/// Entries of an earlier run have no drift: all that is known of them is what they say. A value, without clock or lock.
struct StampDrifts {
    /// Clocks differ by less than this from reading to reading, on a machine that is busy.
    static let tolerance: Int64 = 1_000
    /// Steps kept of a level; of more, the oldest are forgotten, and entries that old count as never set.
    static let limit = 64

    private var steps: [Int: [(offset: Int64, drift: Int64)]] = [:]

    /// An entry was stamped at `drift`. Entries may come a little out of order.
    mutating func note(level: Int, offset: Int64, drift: Int64) {
        let last = steps[level]?.last
        if abs(drift - (last?.drift ?? 0)) > Self.tolerance {
            if let last, offset < last.offset { return }
            steps[level, default: []].append((offset, drift))
            if steps[level, default: []].count > Self.limit { steps[level]?.removeFirst() }
        } else if let last, offset < last.offset {
            // The same step, first heard of by a later entry.
            steps[level]?.removeLast()
            steps[level]?.append((offset, last.drift))
        }
    }

    func drift(level: Int, offset: Int64) -> Int64 { steps[level]?.last { $0.offset <= offset }?.drift ?? 0 }
}
