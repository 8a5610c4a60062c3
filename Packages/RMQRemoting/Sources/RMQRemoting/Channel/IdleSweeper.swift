import RMQCommon

/// Looks at all channels of a loop now and then: closes idle ones and takes back their memory.
///
/// One coarse timer a loop, none while it has no channel. With the default limit of 120 s it runs every 12 s, and a
/// channel is closed after 120 to 132 s.
final class IdleSweeper {
    private unowned let loop: EventLoop
    private var nextSweep = MonotonicInstant.distantFuture

    init(_ loop: EventLoop) { self.loop = loop }

    func added(idleNanoseconds: Int64) {
        let time = loop.now.advanced(nanoseconds: Self.pause(idleNanoseconds))
        guard time < nextSweep else { return }
        nextSweep = time
        loop.scheduleLocally(at: time) { [weak self] in self?.sweep() }
    }

    private func sweep() {
        guard loop.now >= nextSweep else { return }
        nextSweep = .distantFuture
        var shortest = Int64.max
        for case let channel as Channel in loop.watchedSources() { shortest = min(shortest, channel.sweep(now: loop.now)) }
        if shortest < .max { added(idleNanoseconds: shortest) }
    }

    private static func pause(_ idleNanoseconds: Int64) -> Int64 { max(10_000_000, idleNanoseconds / 10) }
}
