import Glibc

/// A monotonic clock that costs 4 ns instead of 25 and moves every few milliseconds: for times that are told in
/// milliseconds and for finding stalls.
enum CoarseClock {
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(6, &time)  // CLOCK_MONOTONIC_COARSE, which the overlay lacks
        return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
    }
}
