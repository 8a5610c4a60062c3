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
        /// A turn is in work.
        var isInWork = false
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

    /// The lock is a leaf, so the timer is set outside of it; one that comes too late for a stop finds that when it fires.
    private func schedule(after delay: Duration) {
        let timer = loop.schedule(after: delay) { [weak self] in self?.turn() }
        let isStarted = state.withLock { state in
            guard state.isStarted else { return false }
            state.phase = .started(timer)
            return true
        }
        if !isStarted { timer.cancel() }
    }

    private func turn() {
        guard isStarted else { return }
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
        let ends = state.withLock { state in
            state.isInWork = false
            defer { state.ends = [] }
            return state.ends
        }
        for end in ends { end.open() }
    }

    private func again() {
        if isStarted { schedule(after: period()) }
    }
}
