import RMQCommon

/// How many bytes a slave may be sent now, when it may be sent so many a second: a bucket that fills evenly. A value; it reads no clock.
struct SendBudget {
    /// Saved up for at most so long: a slave that was idle gets no burst of a second.
    private static let depth: Duration = .milliseconds(100)

    private let bytesPerSecond: Int64
    private var left: Int64
    private var filledAt: MonotonicInstant

    /// - Parameter bytesPerSecond: 0: no limit.
    init(bytesPerSecond: Int64, now: MonotonicInstant) {
        self.bytesPerSecond = bytesPerSecond
        left = Self.share(of: bytesPerSecond, Self.depth)
        filledAt = now
    }

    /// Bytes that may be sent now.
    mutating func available(_ now: MonotonicInstant) -> Int {
        guard bytesPerSecond > 0 else { return .max }
        let new = Self.share(of: bytesPerSecond, min(now - filledAt, .seconds(1)))
        if new > 0 {
            left = min(left + new, max(Self.share(of: bytesPerSecond, Self.depth), 1))
            filledAt = now
        }
        return Int(max(left, 0))
    }

    mutating func take(_ bytes: Int) {
        if bytesPerSecond > 0 { left -= Int64(bytes) }
    }

    /// How long to wait when nothing is available.
    var pause: Duration { .milliseconds(max(10, min(1_000, 1_024_000 / max(bytesPerSecond, 1)))) }

    private static func share(of bytesPerSecond: Int64, _ time: Duration) -> Int64 {
        Int64(Double(bytesPerSecond) * Double(time.nanoseconds) / 1e9)
    }
}
