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
    private let next = Mutex<Next>(.stopped)

    private enum Next {
        case stopped
        /// In its turn.
        case working
        case waiting(ScheduledWork)
    }

    /// - Parameters:
    ///   - delay: how long after ``start()`` the first turn is; nil: a period.
    ///   - pool: does the work; nil: the loop itself, which it must not block.
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

    /// To be called once.
    public func start() {
        next.withLock { next in
            guard case .stopped = next else { return }
            next = .waiting(loop.schedule(after: delay) { [weak self] in self?.turn() })
        }
    }

    /// No further turn begins. One that has begun may still be in work; a stopped pool or loop ends that.
    public func stop() {
        next.withLock { next in
            if case .waiting(let scheduled) = next { scheduled.cancel() }
            next = .stopped
        }
    }

    private func turn() {
        let isStopped = next.withLock { next in
            if case .stopped = next { return true }
            next = .working
            return false
        }
        if isStopped { return }
        guard let pool else {
            work()
            return again()
        }
        let isTaken = pool.run { [self] in
            work()
            again()
        }
        // It has too much to do; in a period there will be another chance.
        if !isTaken { again() }
    }

    private func again() {
        next.withLock { next in
            guard case .working = next else { return }
            next = .waiting(loop.schedule(after: period) { [weak self] in self?.turn() })
        }
    }
}
