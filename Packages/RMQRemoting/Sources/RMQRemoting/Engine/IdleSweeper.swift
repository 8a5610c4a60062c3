import RMQCommon

/// Looks at all connections of a loop now and then: closes idle ones and takes back their memory.
///
/// One coarse timer a loop, none while it has no connection. With the default limit of 120 s it runs every 12 s, and a
/// connection is closed after 120 to 132 s.
final class IdleSweeper {
    private var nextSweep = MonotonicInstant.distantFuture

    func added(idleNanoseconds: Int64, on loop: EventLoop) {
        let time = loop.now.advanced(nanoseconds: Self.pause(idleNanoseconds))
        guard time < nextSweep else { return }
        nextSweep = time
        loop.scheduleLocally(at: time) { [unowned loop] in self.sweep(loop) }
    }

    private func sweep(_ loop: EventLoop) {
        guard loop.now >= nextSweep else { return }
        nextSweep = .distantFuture
        var shortest = Int64.max
        for connection in loop.allConnections() { shortest = min(shortest, connection.sweep(now: loop.now)) }
        if shortest < .max { added(idleNanoseconds: shortest, on: loop) }
    }

    private static func pause(_ idleNanoseconds: Int64) -> Int64 { max(10_000_000, idleNanoseconds / 10) }
}
