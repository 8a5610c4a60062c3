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
    private let delay: Duration
    private let period: Duration
    private let pool: WorkerPool?
    private let work: @Sendable () -> Void
    private let state = Mutex(State.new)

    private enum State {
        case new
        /// The timer is that of the turn to come, or of the one in work.
        case started(ScheduledWork?)
        case stopped
    }

    /// - Parameters:
    ///   - delay: how long after ``start()`` the first turn is; nil: a period.
    ///   - pool: does the work; nil: the loop itself, which it must not block. A turn that finds the pool full is left out.
    public init(
        _ name: String, on loop: EventLoop, after delay: Duration? = nil, every period: Duration, by pool: WorkerPool? = nil,
        _ work: @escaping @Sendable () -> Void
    ) {
        self.name = name
        self.loop = loop
        self.delay = delay ?? period
        self.period = period
        self.pool = pool
        self.work = work
    }

    /// Does nothing when repeated, or after ``stop()``.
    public func start() {
        let isFirst = state.withLock { state in
            guard case .new = state else { return false }
            state = .started(nil)
            return true
        }
        if isFirst { schedule(after: delay) }
    }

    /// No further turn begins. One that has begun may still be in work; a stopped pool or loop ends that.
    public func stop() {
        let timer = state.withLock { state -> ScheduledWork? in
            defer { state = .stopped }
            if case .started(let timer) = state { return timer }
            return nil
        }
        timer?.cancel()
    }

    private var isStarted: Bool {
        state.withLock { state in
            if case .started = state { true } else { false }
        }
    }

    /// The lock is a leaf, so the timer is set outside of it; one that comes too late for a stop finds that when it fires.
    private func schedule(after delay: Duration) {
        let timer = loop.schedule(after: delay) { [weak self] in self?.turn() }
        let isStarted = state.withLock { state in
            guard case .started = state else { return false }
            state = .started(timer)
            return true
        }
        if !isStarted { timer.cancel() }
    }

    private func turn() {
        guard isStarted else { return }
        guard let pool else {
            work()
            return again()
        }
        let isTaken = pool.run { [self] in
            // It may have waited for long.
            if isStarted { work() }
            again()
        }
        if !isTaken { again() }
    }

    private func again() {
        if isStarted { schedule(after: period) }
    }
}
