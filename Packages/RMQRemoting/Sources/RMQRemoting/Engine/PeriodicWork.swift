public import RMQCommon
import Synchronization

/// Work that a server does again and again in the background.
///
///     start ─ delay ─► work ─ period ─► work ─ period ─► … ─ stop
///
/// Timed by a loop, so that nothing wakes up in between, and done by a pool when it may block. A turn begins a period after the
/// one before ended: two never run at once.
public final class PeriodicWork: Sendable {
    /// As messages name it.
    public let name: String
    private let loop: EventLoop
    private let delay: Duration?
    private let period: @Sendable () -> Duration
    private let pool: WorkerPool?
    private let work: @Sendable () -> Void
    private let state = Mutex(State())

    private enum Phase {
        case new
        /// The timer is that of the turn to come, or of the one in work.
        case started(ScheduledWork?)
        case stopped
    }

    private struct State {
        var phase = Phase.new
        /// Counts the timers: one that was replaced may fire all the same.
        var timer = 0
        /// When the turn to come is.
        var due: MonotonicInstant?
        /// From when a turn is due until the next one is set.
        var isUnderWay = false
        /// A turn is in work.
        var isInWork = false
        /// When the last one ended.
        var ended: MonotonicInstant?
        /// The next one was asked for while a turn was under way.
        var wantedGap: Duration?
        /// Who waits for its end.
        var ends: [Latch] = []

        var isStarted: Bool {
            if case .started = phase { true } else { false }
        }
    }

    /// - Parameters:
    ///   - delay: how long after ``start()`` the first turn is; nil: a period.
    ///   - period: is asked before each turn, so it may change.
    ///   - pool: does the work; nil: the loop itself, which it must not block. A turn that finds the pool full is left out.
    public init(
        _ name: String, on loop: EventLoop, after delay: Duration? = nil, every period: @autoclosure @escaping @Sendable () -> Duration, by pool: WorkerPool? = nil,
        _ work: @escaping @Sendable () -> Void
    ) {
        self.name = name
        self.loop = loop
        self.delay = delay
        self.period = period
        self.pool = pool
        self.work = work
    }

    /// Does nothing when repeated, or after ``stop()``.
    public func start() {
        let isFirst = state.withLock { state in
            guard case .new = state.phase else { return false }
            state.phase = .started(nil)
            return true
        }
        if isFirst { schedule(after: delay ?? period()) }
    }

    /// Something happened that the work should see to: brings the next turn forward, to now or to `gap` after the end of the last one. A turn
    /// that is under way is followed by another one `gap` later. Does nothing where the next one is as soon anyway, nor before ``start()``.
    public func hasten(gap: Duration) {
        let now = loop.clocks.monotonic.now()
        setTimer { state in
            guard !state.isUnderWay else {
                state.wantedGap = gap
                return nil
            }
            let wanted = max(now, state.ended.map { $0 + gap } ?? now)
            guard let due = state.due, wanted < due else { return nil }
            return wanted
        }
    }

    /// No further turn begins, and none is in work when it returns, so what the work uses may stop next. Harmless when repeated.
    ///
    /// On the thread of a loop or of the work's pool it returns at once: the turn may be what calls, or may need that thread.
    public func stop() {
        let mayWait = EventLoop.current == nil && pool?.isCurrent != true
        let end = Latch()
        let (timer, waits) = state.withLock { state -> (ScheduledWork?, Bool) in
            defer { state.phase = .stopped }
            let waits = mayWait && state.isInWork
            if waits { state.ends.append(end) }
            if case .started(let timer) = state.phase { return (timer, waits) }
            return (nil, waits)
        }
        timer?.cancel()
        // Without a limit: the turn is ours, and ends.
        if waits { end.wait() }
    }

    private var isStarted: Bool { state.withLock { $0.isStarted } }

    private func schedule(after delay: Duration) {
        let due = loop.clocks.monotonic.now() + delay
        setTimer { _ in due }
    }

    /// Sets the timer of the turn to come, in place of the one before. The lock is a leaf, so that is done outside of it; one that comes too
    /// late for a stop, or for another timer, finds that when it fires.
    /// - Parameter decide: when the turn is; nil leaves everything as it is. Under the lock.
    private func setTimer(_ decide: (inout State) -> MonotonicInstant?) {
        let decided: (number: Int, due: MonotonicInstant)? = state.withLock { state in
            guard state.isStarted, let due = decide(&state) else { return nil }
            state.timer += 1
            state.due = due
            return (state.timer, due)
        }
        guard let (number, due) = decided else { return }
        let timer = loop.schedule(after: max(.zero, due - loop.clocks.monotonic.now())) { [weak self] in self?.turn(number) }
        let replaced: ScheduledWork? = state.withLock { state in
            guard case .started(let before) = state.phase, state.timer == number else { return timer }
            state.phase = .started(timer)
            return before
        }
        replaced?.cancel()
    }

    private func turn(_ number: Int) {
        let isDue = state.withLock { state in
            guard state.isStarted, state.timer == number else { return false }
            state.isUnderWay = true
            return true
        }
        guard isDue else { return }
        guard let pool else {
            workOnce()
            return again()
        }
        let isTaken = pool.run { [self] in
            workOnce()
            again()
        }
        if !isTaken { again() }
    }

    /// Unless a stop came first: the turn may have waited for a thread for long.
    private func workOnce() {
        let begins = state.withLock { state in
            state.isInWork = state.isStarted
            return state.isInWork
        }
        guard begins else { return }
        work()
        let now = loop.clocks.monotonic.now()
        let ends = state.withLock { state in
            state.isInWork = false
            state.ended = now
            defer { state.ends = [] }
            return state.ends
        }
        for end in ends { end.open() }
    }

    private func again() {
        guard isStarted else { return }
        let period = period()
        let now = loop.clocks.monotonic.now()
        setTimer { state in
            state.isUnderWay = false
            defer { state.wantedGap = nil }
            return now + min(state.wantedGap ?? period, period)
        }
    }
}
