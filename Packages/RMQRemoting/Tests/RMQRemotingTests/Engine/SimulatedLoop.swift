import RMQCommon

@testable import RMQRemoting
import RMQTestSupport

/// A loop without sockets on the test's thread, under a clock that moves on when the loop sleeps.
///
/// Unchecked `Sendable`: one thread uses it; closures of the loop only ask for the word.
final class SimulatedLoop: @unchecked Sendable {
    let clock = HandClock()
    let loop: EventLoop
    private let poller: SimulatedPoller
    private let start: MonotonicInstant
    private var log: [String] = []

    /// - Parameter afterSleep: what happens to the clock at each wake-up.
    init(afterSleep: @escaping (HandClock) -> Void = { _ in }) {
        start = clock.now
        poller = SimulatedPoller(clock, afterSleep)
        loop = EventLoop(name: "simulated", clocks: clock.clocks, poller: poller)
    }

    var wakeUps: Int { poller.wakeUps }

    /// Notes that something happened, with the milliseconds that have passed.
    func note(_ what: String) { log.append("\(what) at \((clock.now - start).milliseconds)") }

    /// The kernel has news of a descriptor that the loop watches: the next sleep ends at once.
    func announce(_ id: UInt64, _ events: PollEvents) { poller.announce(id, events) }

    /// Begins with `work` on the loop and goes on until nothing is left to wait for.
    /// - Returns: what was noted.
    func run(_ work: @escaping (SimulatedLoop) -> Void) -> [String] {
        poller.onEndlessSleep = { [loop] in loop.stop() }
        loop.execute(Work { work(self) }.run)
        loop.run()
        return log
    }

    private final class Work: @unchecked Sendable {
        private let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
        @Sendable func run() { body() }
    }
}

/// A kernel that wakes nobody but by the clock and by what the test announces.
final class SimulatedPoller: Polling, @unchecked Sendable {
    private let clock: HandClock
    private let afterSleep: (HandClock) -> Void
    var onEndlessSleep: () -> Void = {}
    private(set) var wakeUps = 0
    private var announced: [(id: UInt64, events: PollEvents)] = []
    private var ready: [(id: UInt64, events: PollEvents)] = []

    init(_ clock: HandClock, _ afterSleep: @escaping (HandClock) -> Void) {
        self.clock = clock
        self.afterSleep = afterSleep
    }

    func wait(milliseconds: Int32) {
        wakeUps += 1
        (ready, announced) = (announced, [])
        defer { afterSleep(clock) }
        guard ready.isEmpty else { return }
        if milliseconds > 0 { clock.advance(.milliseconds(Int64(milliseconds))) }
        if milliseconds < 0 { onEndlessSleep() }
    }

    func announce(_ id: UInt64, _ events: PollEvents) { announced.append((id, events)) }

    func wake() {}
    func add(_ descriptor: Int32, id: UInt64, events: PollEvents) -> Bool { true }
    func modify(_ descriptor: Int32, id: UInt64, events: PollEvents) {}
    func remove(_ descriptor: Int32) {}
    func forEachReady(_ body: (UInt64, PollEvents) -> Void) {
        for (id, events) in ready { body(id, events) }
    }
}
