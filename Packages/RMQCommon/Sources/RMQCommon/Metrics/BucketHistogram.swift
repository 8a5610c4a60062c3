internal import Synchronization

/// Counts values in a few buckets with fixed bounds, from any thread. ``Histogram`` is the exact one, of one owner.
public final class BucketHistogram: Metric {
    private let bounds: [Int64]
    private let counts: [Counter]
    private let sum = Counter()

    /// - Parameter bounds: the largest value of each bucket but the last, in ascending order.
    public init(bounds: [Int64]) {
        assert(zip(bounds, bounds.dropFirst()).allSatisfy(<), "the bounds of a histogram ascend")
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in Counter() }
    }

    /// Counts one value.
    public func record(_ value: Int64) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count].add()
        sum.add(value)
    }

    public var reading: MetricReading { .histogram(bounds: bounds, counts: counts.map(\.value), sum: sum.value) }
}
