/// When each send of a steady load is due.
///
/// An open loop: times follow from the rate alone, whatever the answers do. A send that is late counts from when it was due, so a
/// server that stalls is charged for all who had to wait, not only for those whose request it had already. (The other way round,
/// a generator that waits with the server hides the stall.)
///
/// A value: the time is passed in, in nanoseconds of any clock.
struct Pace: Sendable {
    let rate: Int
    private let start: Int64
    private var taken: Int64 = 0

    /// - Parameters:
    ///   - rate: sends a second, at least 1.
    ///   - start: when the first one is due.
    init(rate: Int, start: Int64) {
        precondition(rate > 0, "a pace of \(rate) a second is due never")
        self.rate = rate
        self.start = start
    }

    /// When the next send is due, or has been for some time.
    var next: Int64 { due(taken) }

    /// Takes the next send if it is due by now.
    /// - Returns: when it was due; nil when it is not yet.
    mutating func take(now: Int64) -> Int64? {
        let due = next
        guard due <= now else { return nil }
        taken += 1
        return due
    }

    /// How many are due by now and not taken.
    func waiting(now: Int64) -> Int {
        guard now >= next else { return 0 }
        let (seconds, rest) = (now - start).quotientAndRemainder(dividingBy: Self.second)
        // The last number whose time, rounded down, is not later.
        let last = seconds * Int64(rate) + ((rest + 1) * Int64(rate) - 1) / Self.second
        return Int(last - taken) + 1
    }

    private static let second: Int64 = 1_000_000_000

    /// Whole seconds apart from the rest: a product of both would overflow after some hours.
    private func due(_ number: Int64) -> Int64 {
        let (seconds, rest) = number.quotientAndRemainder(dividingBy: Int64(rate))
        return start + seconds * Self.second + rest * Self.second / Int64(rate)
    }
}
