internal import Glibc

// Every reading of a clock in this workspace is in this file; Tools/check-workspace refuses one elsewhere.
//
//     wall        what time it is. For stamps, names and calendars: it steps when it is set, in both directions.
//     monotonic   how much time has passed. For deadlines, timers and spans: it never steps, and means nothing elsewhere.

/// The clocks that a part of the program goes by. A test hands in its own.
public struct Clocks: Sendable {
    /// For stamps and calendars.
    public var wall: WallClock
    /// For deadlines and spans.
    public var monotonic: MonotonicClock

    public init(wall: WallClock = .system, monotonic: MonotonicClock = .system) {
        self.wall = wall
        self.monotonic = monotonic
    }

    /// Those of the machine.
    public static let system = Clocks()
}

/// The time of day, in milliseconds since 1970.
///
/// May step by hours at any moment. So it stamps what is written or sent, and decides nothing that waits.
public struct WallClock: Sendable {
    /// Milliseconds since 1970.
    public let now: @Sendable () -> Int64

    public init(now: @escaping @Sendable () -> Int64) { self.now = now }

    /// The machine's.
    public static let system = WallClock { nowMilliseconds() }

    /// Milliseconds since 1970, by the machine's clock.
    public static func nowMilliseconds() -> Int64 { SystemClock.nanoseconds(CLOCK_REALTIME) / 1_000_000 }
}

/// The clock that deadlines and timers are kept by.
public struct MonotonicClock: Sendable {
    /// This moment.
    public let now: @Sendable () -> MonotonicInstant

    public init(now: @escaping @Sendable () -> MonotonicInstant) { self.now = now }

    /// The machine's.
    public static let system = MonotonicClock { .now }
}

/// A moment on the monotonic clock of this machine.
///
/// A type of its own, so that it cannot be taken for a time of day. It is never stored or sent: after a restart of the machine it
/// would mean another moment.
@frozen public struct MonotonicInstant: Comparable, Hashable, Sendable {
    /// Since some moment before the machine's programs started; not negative where a clock was read.
    public let nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// This moment, by the machine's clock.
    public static var now: MonotonicInstant { MonotonicInstant(nanoseconds: SystemClock.nanoseconds(CLOCK_MONOTONIC)) }

    /// Later than any other, for "no time at all".
    @inlinable public static var distantFuture: MonotonicInstant { MonotonicInstant(nanoseconds: .max) }

    @inlinable public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Held at ``distantFuture``.
    @inlinable public func advanced(nanoseconds: Int64) -> MonotonicInstant {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return overflow ? MonotonicInstant(nanoseconds: nanoseconds < 0 ? .min : .max) : MonotonicInstant(nanoseconds: sum)
    }

    /// Held at ``distantFuture``.
    public static func + (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        instant.advanced(nanoseconds: duration.nanoseconds)
    }

    /// How much time passed from `earlier` to `later`; negative when they are the other way round.
    public static func - (later: MonotonicInstant, earlier: MonotonicInstant) -> Duration {
        .nanoseconds(later.nanoseconds) - .nanoseconds(earlier.nanoseconds)
    }
}

/// The time of day as if the clock were never set from now on: it begins with the wall clock and goes on with the monotonic one.
///
/// For what waits until a time that was written down: neither does it come early nor late when the clock is set meanwhile. Time
/// that the whole machine was asleep does not count.
public struct SteadyClock: Sendable {
    private let clocks: Clocks
    /// Milliseconds by which the wall clock was ahead of the monotonic one.
    private let lead: Int64

    /// Begins with what the wall clock says now.
    public init(_ clocks: Clocks = .system) {
        self.clocks = clocks
        lead = Self.lead(clocks)
    }

    /// Milliseconds since 1970.
    public func now() -> Int64 { clocks.monotonic.now().nanoseconds / 1_000_000 + lead }

    /// Milliseconds by which the wall clock was set ahead since this clock began; negative when it was set back.
    public func drift() -> Int64 { Self.lead(clocks) - lead }

    private static func lead(_ clocks: Clocks) -> Int64 { clocks.wall.now() - clocks.monotonic.now().nanoseconds / 1_000_000 }
}

/// A monotonic clock that costs 4 ns instead of 25 and moves every few milliseconds: for spans that are told in milliseconds and
/// for finding stalls.
public enum CoarseClock {
    /// `CLOCK_MONOTONIC_COARSE`, which the overlay lacks.
    private static let number: clockid_t = 6

    /// Since the moment from which ``MonotonicInstant`` counts.
    public static func milliseconds() -> Int64 { SystemClock.nanoseconds(number) / 1_000_000 }
}

/// The system call.
private enum SystemClock {
    @inline(__always)
    static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Cannot fail: the clocks named above exist, and the address is ours.
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
