public import Synchronization

/// A number that any thread may add to.
public final class Counter: Metric {
    @usableFromInline let total = Atomic<Int64>(0)

    public init() {}

    /// Adds `amount`; wraps around at the ends of `Int64`.
    @inlinable public func add(_ amount: Int64 = 1) { total.wrappingAdd(amount, ordering: .relaxed) }
    /// The sum so far. Other threads may add while it is read.
    @inlinable public var value: Int64 { total.load(ordering: .relaxed) }

    /// The value so far, starting again from 0.
    public func reset() -> Int64 { total.exchange(0, ordering: .relaxed) }

    public var reading: MetricReading { .counter(value) }
}
