public import Synchronization

/// How often something was counted, and the sum of the amounts: sends and their messages, pulls and their bytes.
///
///     event loop n ─► part(n) ─► add      a load and a store each: no thread waits for another one's cache line
///     any thread   ─► add                 an atomic addition each
///
/// A reader may see `times` and `sum` a few counts apart.
public final class Summary: Metric {
    /// What one thread counts. Only that thread may add.
    public final class Part: Sendable {
        @usableFromInline let times = Atomic<Int64>(0)
        @usableFromInline let sum = Atomic<Int64>(0)

        fileprivate init() {}

        /// Counts `times` times, `amount` in all. On the part's own thread only.
        @inlinable public func add(_ amount: Int, times count: Int = 1) {
            times.store(times.load(ordering: .relaxed) &+ Int64(count), ordering: .relaxed)
            sum.store(sum.load(ordering: .relaxed) &+ Int64(amount), ordering: .relaxed)
        }
    }

    /// What threads without a part count.
    private let shared = Part()
    private let parts = Mutex<[Int: Part]>([:])

    public init() {}

    /// The part of a thread, by a number that it alone has. Takes a lock: keep it.
    public func part(_ number: Int) -> Part {
        parts.withLock { parts in
            if let part = parts[number] { return part }
            let part = Part()
            parts[number] = part
            return part
        }
    }

    /// Counts `times` times, `amount` in all. On any thread.
    public func add(_ amount: Int, times: Int = 1) {
        shared.times.wrappingAdd(Int64(times), ordering: .relaxed)
        shared.sum.wrappingAdd(Int64(amount), ordering: .relaxed)
    }

    /// What all threads counted so far.
    public var value: (times: Int64, sum: Int64) {
        parts.withLock { parts in
            parts.values.reduce((shared.times.load(ordering: .relaxed), shared.sum.load(ordering: .relaxed))) { total, part in
                (total.0 &+ part.times.load(ordering: .relaxed), total.1 &+ part.sum.load(ordering: .relaxed))
            }
        }
    }

    public var reading: MetricReading {
        let value = value
        return .summary(times: value.times, sum: value.sum)
    }
}
