import Glibc
import Synchronization

/// A few threads for work that may block: reading from a disk, searching files, waiting for another server.
///
///     run(work) ─► queue (bounded) ─► worker 0 … worker n-1
///
/// Threads are made when work comes and no worker is free, so that an unused pool costs nothing; they stay until
/// `stop` and sleep while there is nothing to do. Work is begun in the order in which it came; with one thread it is done in
/// that order, too.
public final class WorkerPool: Sendable {
    /// What the names of its threads begin with.
    public let name: String
    private let limit: WorkerLimits
    private let crew: Crew

    /// What the work of a pool may hold unless it is told otherwise: four requests of the greatest length, or thousands of usual ones.
    public static let heldByteLimit = 64 << 20

    /// - Parameters:
    ///   - name: of the threads, with their number behind it.
    ///   - threadLimit: most threads, at least 1.
    ///   - queueLimit: most work that waits for a thread.
    ///   - byteLimit: most memory that it may hold meanwhile, with what is being done; a single piece may be larger.
    public init(name: String, threadLimit: Int, queueLimit: Int, byteLimit: Int = heldByteLimit) {
        self.name = name
        limit = WorkerLimits(threads: max(threadLimit, 1), queue: queueLimit, bytes: byteLimit)
        crew = Crew(name: name, limit: limit)
    }

    deinit { crew.stop(finishing: false) }

    /// What may wait, as messages say it.
    public var limits: String { "\(limit.queue) requests or \(limit.bytes >> 20) MiB" }

    /// Has `work` done on a worker soon.
    /// - Parameter byteCount: the memory that it holds until it is done.
    /// - Returns: false, and `work` is not done, when the queue is full or the pool has stopped.
    public func run(holding byteCount: Int = 0, _ work: @escaping @Sendable () -> Void) -> Bool {
        crew.take(Crew.Work(body: work, byteCount: byteCount))
    }

    /// Work that waits for a thread now.
    public var waitingCount: Int { crew.waiting.count }

    /// The same, and how long the first of it has waited.
    public var waiting: (count: Int, longest: Duration) { crew.waiting }

    /// Whether the caller runs on one of the pool's threads.
    public var isCurrent: Bool { crew.isCurrent }

    /// Takes no more work and returns when what has begun is done; on a thread of the pool at once, since that would be to wait
    /// for itself. Each call waits, so repeating it is harmless.
    /// - Parameter finishing: whether what has not begun is done as well; otherwise it is dropped.
    public func stop(finishing: Bool = false) { crew.stop(finishing: finishing) }
}

private struct WorkerLimits {
    let threads: Int
    let queue: Int
    let bytes: Int
}

/// What the threads of a pool share, and keep until the last of them has ended: the pool itself may go before them, by work that
/// held it last.
private final class Crew: @unchecked Sendable {
    // Sendable: the semaphore is made for use from many threads and never moves; all else is behind the lock.
    struct Work {
        let body: @Sendable () -> Void
        let byteCount: Int
        let since: MonotonicInstant = .now
    }

    fileprivate struct State {
        var waiting: [Work] = []
        /// Where in `waiting` the next one is: removing from the front would move all others.
        var next = 0
        /// Threads that were made and have not ended.
        var threadCount = 0
        /// Those of them that have come as far as to serve.
        var serving: [pthread_t] = []
        var idle = 0
        /// What waits and what is being done takes so much.
        var byteCount = 0
        var isStopped = false
        /// Who waits for the end of the last thread.
        var ends: [Latch] = []

        var waitingCount: Int { waiting.count - next }
    }

    private let name: String
    private let limit: WorkerLimits
    private let state = Mutex(State())
    private let arrivals = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init(name: String, limit: WorkerLimits) {
        self.name = name
        self.limit = limit
        sem_init(arrivals, 0, 0)
    }

    deinit {
        sem_destroy(arrivals)
        arrivals.deallocate()
    }

    var waiting: (count: Int, longest: Duration) {
        state.withLock { state in
            guard state.waitingCount > 0 else { return (0, .zero) }
            return (state.waitingCount, max(.zero, .now - state.waiting[state.next].since))
        }
    }

    var isCurrent: Bool { state.withLock { $0.isCurrent } }

    func take(_ work: Work) -> Bool {
        let accepted = state.withLock { state in
            guard !state.isStopped, state.waitingCount < limit.queue else { return false }
            guard state.byteCount == 0 || state.byteCount + work.byteCount <= limit.bytes else { return false }
            if state.idle <= state.waitingCount, state.threadCount < limit.threads { addThread(&state) }
            guard state.threadCount > 0 else { return false }
            state.waiting.append(work)
            state.byteCount += work.byteCount
            return true
        }
        if accepted { sem_post(arrivals) }
        return accepted
    }

    func stop(finishing: Bool) {
        let end = Latch()
        // What is dropped goes outside of the lock: its end may be the end of anything.
        let (ending, waits, _) = state.withLock { state -> (Int, Bool, [Work]) in
            let ending = state.isStopped ? 0 : state.threadCount
            state.isStopped = true
            let dropped = finishing ? [] : state.dropWaiting()
            let waits = state.threadCount > 0 && !state.isCurrent
            if waits { state.ends.append(end) }
            return (ending, waits, dropped)
        }
        for _ in 0..<ending { sem_post(arrivals) }
        if waits { end.wait() }
    }

    private func addThread(_ state: inout State) {
        guard let thread = SystemThread(name: "\(name)-\(state.threadCount)", { [self] in serve() }) else { return }
        thread.detach()
        state.threadCount += 1
    }

    private func serve() {
        state.withLock { $0.serving.append(pthread_self()) }
        while let work = nextWork() {
            work.body()
            state.withLock { $0.byteCount -= work.byteCount }
        }
        let ends = state.withLock { state in
            state.serving.removeAll { pthread_equal($0, pthread_self()) != 0 }
            state.threadCount -= 1
            guard state.threadCount == 0 else { return [Latch]() }
            defer { state.ends = [] }
            return state.ends
        }
        for end in ends { end.open() }
    }

    /// Sleeps until there is some; nil when the pool has stopped and none is left.
    private func nextWork() -> Work? {
        while true {
            state.withLock { $0.idle += 1 }
            while sem_wait(arrivals) != 0 {}
            let (work, isOver) = state.withLock { state -> (Work?, Bool) in
                state.idle -= 1
                guard state.waitingCount > 0 else { return (nil, state.isStopped) }
                defer { state.advance() }
                return (state.waiting[state.next], false)
            }
            if work != nil || isOver { return work }
        }
    }
}

extension Crew.State {
    fileprivate var isCurrent: Bool { serving.contains { pthread_equal($0, pthread_self()) != 0 } }

    /// What has been dropped.
    fileprivate mutating func dropWaiting() -> [Crew.Work] {
        let dropped = Array(waiting[next...])
        for work in dropped { byteCount -= work.byteCount }
        waiting = []
        next = 0
        return dropped
    }

    fileprivate mutating func advance() {
        next += 1
        guard next == waiting.count || next >= 1_024 else { return }
        waiting.removeFirst(next)
        next = 0
    }
}
