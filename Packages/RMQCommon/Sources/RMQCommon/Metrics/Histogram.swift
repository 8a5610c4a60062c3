/// Counts values in buckets that grow with the value, each at most 1/32 wider than its smallest value.
///
///     0 … 63        one bucket a value
///     64 … 127      buckets of 2
///     128 … 255     buckets of 4, and so on: 32 buckets to each doubling
///
/// A value type of one owner; every thread keeps its own, and they are merged at the end. About 15 KiB.
public struct Histogram: Sendable, Equatable {
    private static let exactBits = 6
    private static let half = 1 << (exactBits - 1)
    private static let bucketCount = (64 - exactBits) * half + (1 << exactBits)

    private var counts: [UInt64]
    /// How many values were counted.
    public private(set) var count: UInt64 = 0
    /// The least value, exactly; `.max` before the first one.
    public private(set) var minimum: UInt64 = .max
    /// The largest value, exactly; 0 before the first one.
    public private(set) var maximum: UInt64 = 0
    private var sum: Double = 0

    public init() { counts = [UInt64](repeating: 0, count: Self.bucketCount) }

    /// Counts one value, such as a time in nanoseconds. Negative ones count as 0.
    public mutating func record(_ value: Int64) { record(UInt64(max(0, value)), times: 1) }

    /// Counts one value several times; 0 times does nothing.
    public mutating func record(_ value: UInt64, times: UInt64) {
        guard times > 0 else { return }
        counts[Self.bucket(of: value)] &+= times
        count &+= times
        sum += Double(value) * Double(times)
        minimum = min(minimum, value)
        maximum = max(maximum, value)
    }

    /// Adds what another one counted.
    public mutating func merge(_ other: Histogram) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        count &+= other.count
        sum += other.sum
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
    }

    /// Forgets everything.
    public mutating func reset() { self = Histogram() }

    /// The sum of all values by their number; 0 of none.
    public var mean: Double { count == 0 ? 0 : sum / Double(count) }

    /// The value that `percent` of all values do not exceed, 0 of none. The upper end of its bucket, never above the maximum.
    public func value(atPercentile percent: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let rank = max(1, UInt64((Double(count) * min(max(percent, 0), 100) / 100).rounded(.up)))
        var seen: UInt64 = 0
        for (index, number) in counts.enumerated() where number > 0 {
            seen &+= number
            if seen >= rank { return min(Self.upperEnd(of: index), maximum) }
        }
        return maximum
    }

    /// The median.
    public var p50: UInt64 { value(atPercentile: 50) }
    /// What nine in ten values do not exceed.
    public var p90: UInt64 { value(atPercentile: 90) }
    /// What 99 in 100 values do not exceed.
    public var p99: UInt64 { value(atPercentile: 99) }
    /// What 999 in 1,000 values do not exceed.
    public var p999: UInt64 { value(atPercentile: 99.9) }
    /// What 9,999 in 10,000 values do not exceed.
    public var p9999: UInt64 { value(atPercentile: 99.99) }

    static func bucket(of value: UInt64) -> Int {
        let shift = 64 - exactBits - value.leadingZeroBitCount
        guard shift > 0 else { return Int(value) }
        return (shift + 1) * half + Int(value >> UInt64(shift)) - half
    }

    static func upperEnd(of bucket: Int) -> UInt64 {
        guard bucket >= 2 * half else { return UInt64(bucket) }
        let shift = UInt64(bucket / half - 1)
        let base = UInt64(bucket % half + half)
        return base << shift | (1 << shift - 1)
    }
}
