public import Synchronization

/// A number that any thread may set: the last one counts.
public final class Gauge: Metric {
    @usableFromInline let current = Atomic<Int64>(0)

    public init() {}

    /// Costs a store.
    @inlinable public func set(_ value: Int64) { current.store(value, ordering: .relaxed) }
    /// What was set last; 0 before.
    @inlinable public var value: Int64 { current.load(ordering: .relaxed) }

    public var reading: MetricReading { .gauge(value) }
}
