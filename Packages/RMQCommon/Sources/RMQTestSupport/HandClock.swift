public import RMQCommon
internal import Synchronization

/// A clock that only moves when told.
public final class HandClock: Sendable {
    private let time: Atomic<Int64>

    /// - Parameter start: milliseconds since 1970.
    public init(_ start: Int64 = 1_700_000_000_000) { time = Atomic(start) }

    /// What is handed to the code under test.
    public var clock: WallClock { WallClock { self.now } }

    /// Milliseconds since 1970; a test may set it to any time, an earlier one too.
    public var now: Int64 {
        get { time.load(ordering: .sequentiallyConsistent) }
        set { time.store(newValue, ordering: .sequentiallyConsistent) }
    }

    public func advance(_ duration: Duration) { time.add(duration.milliseconds, ordering: .sequentiallyConsistent) }
}
