public import RMQCommon
internal import Synchronization

/// Clocks that only move when told.
public final class HandClock: Sendable {
    private let wall: Atomic<Int64>
    private let monotonic: Atomic<Int64>

    /// - Parameter milliseconds: the time of day to begin with, since 1970.
    public init(_ milliseconds: Int64 = 1_700_000_000_000) {
        wall = Atomic(milliseconds)
        // Some time after the machine started.
        monotonic = Atomic(1_000_000_000_000)
    }

    /// Time passes.
    public func advance(_ duration: Duration) {
        monotonic.add(duration.nanoseconds, ordering: .relaxed)
        step(duration)
    }

    /// The time of day is set: ahead, or back when `duration` is negative.
    public func step(_ duration: Duration) { wall.add(duration.milliseconds, ordering: .relaxed) }

    /// What the wall clock shows, in milliseconds since 1970.
    public var wallMilliseconds: Int64 { wall.load(ordering: .relaxed) }
    /// What the monotonic clock shows.
    public var now: MonotonicInstant { MonotonicInstant(nanoseconds: monotonic.load(ordering: .relaxed)) }
    /// Both, for the part under test.
    public var clocks: Clocks { Clocks(wall: WallClock { self.wallMilliseconds }, monotonic: MonotonicClock { self.now }) }
}

extension MonotonicInstant {
    /// So long after the clock began.
    public static func at(_ milliseconds: Int64) -> MonotonicInstant { MonotonicInstant(nanoseconds: milliseconds * 1_000_000) }
}
