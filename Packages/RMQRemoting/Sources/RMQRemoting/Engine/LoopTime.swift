import Glibc

/// Clock readings of a loop, in plain integers: they are compared once per request.
enum LoopTime {
    static func monotonicNanoseconds() -> Int64 { read(CLOCK_MONOTONIC) }

    static func wallMilliseconds() -> Int64 { read(CLOCK_REALTIME) / 1_000_000 }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

extension Duration {
    /// Nanoseconds within 0 ... about 146 years, so that adding a clock reading cannot overflow.
    var nanosecondsClamped: Int64 {
        let (seconds, attoseconds) = components
        if seconds < 0 || attoseconds < 0 { return 0 }
        if seconds > 4_600_000_000 { return 4_600_000_000_000_000_000 }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
