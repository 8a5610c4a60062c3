public import Synchronization

/// A number that any thread may add to.
public final class Counter: Sendable {
    @usableFromInline let total = Atomic<Int64>(0)

    public init() {}

    @inlinable public func add(_ amount: Int64 = 1) { total.wrappingAdd(amount, ordering: .relaxed) }
    @inlinable public var value: Int64 { total.load(ordering: .relaxed) }

    /// The value so far, starting again from 0.
    public func reset() -> Int64 { total.exchange(0, ordering: .relaxed) }
}
