import Glibc
import Synchronization

/// A few threads for work that may block: reading from a disk, searching files, waiting for another server.
///
///     run(work) ─► queue (bounded) ─► worker 0 … worker n-1
///
/// Threads are made when work comes and no worker is free, so that a pool which nobody uses costs nothing; they stay until
/// ``stop()`` and sleep while there is nothing to do. Work is begun in the order in which it came; with one thread it is done in
/// that order, too.
public final class WorkerPool: @unchecked Sendable {
    // Sendable: the semaphore is made for use from many threads and never moves; all else is behind the lock.
    fileprivate struct Work {
        let body: @Sendable () -> Void
        let byteCount: Int
    }

    fileprivate struct State {
        var waiting: [Work] = []
        /// Where in `waiting` the next one is: removing from the front would move all others.
        var next = 0
        var threads: [SystemThread] = []
        var idle = 0
        /// What waits and what is being done takes so much.
        var byteCount = 0
        var isStopped = false

        var waitingCount: Int { waiting.count - next }
    }

    public let name: String
    private let threadLimit: Int
    private let queueLimit: Int
    private let byteLimit: Int
    private let state = Mutex(State())
    private let arrivals = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    /// - Parameters:
    ///   - name: of the threads, with their number behind it.
    ///   - threadLimit: most threads, at least 1.
    ///   - queueLimit: most work that waits for a thread.
    ///   - byteLimit: most memory that it may hold meanwhile, with what is being done; a single piece may be larger.
    public init(name: String, threadLimit: Int, queueLimit: Int, byteLimit: Int = 64 << 20) {
        self.name = name
        self.threadLimit = max(threadLimit, 1)
        self.queueLimit = queueLimit
        self.byteLimit = byteLimit
        sem_init(arrivals, 0, 0)
    }

    deinit {
        stop()
        sem_destroy(arrivals)
        arrivals.deallocate()
    }

    /// What may wait, as messages say it.
    public var limits: String { "\(queueLimit) requests or \(byteLimit >> 20) MiB" }

    /// Has `work` done on a worker soon.
    /// - Parameter byteCount: the memory that it holds until it is done.
    /// - Returns: false, and `work` is not done, when the queue is full or the pool has stopped.
    public func run(holding byteCount: Int = 0, _ work: @escaping @Sendable () -> Void) -> Bool {
        let accepted = state.withLock { state in
            guard !state.isStopped, state.waitingCount < queueLimit else { return false }
            guard state.byteCount == 0 || state.byteCount + byteCount <= byteLimit else { return false }
            if state.idle <= state.waitingCount, state.threads.count < threadLimit { addThread(&state) }
            guard !state.threads.isEmpty else { return false }
            state.waiting.append(Work(body: work, byteCount: byteCount))
            state.byteCount += byteCount
            return true
        }
        if accepted { sem_post(arrivals) }
        return accepted
    }

    /// Work that waits for a thread now.
    public var waitingCount: Int { state.withLock { $0.waitingCount } }

    /// Takes no more work and returns when what has begun is done. Harmless when repeated.
    /// - Parameter finishing: whether what has not begun is done as well; otherwise it is dropped.
    public func stop(finishing: Bool = false) {
        let threads = state.withLock { state in
            state.isStopped = true
            if !finishing { state.dropWaiting() }
            defer { state.threads = [] }
            return state.threads
        }
        for _ in threads { sem_post(arrivals) }
        for thread in threads { thread.join() }
    }

    private func addThread(_ state: inout State) {
        // Unowned: `deinit` waits for the threads.
        let thread = SystemThread(name: "\(name)-\(state.threads.count)") { [unowned self] in serve() }
        if let thread { state.threads.append(thread) }
    }

    private func serve() {
        while true {
            state.withLock { $0.idle += 1 }
            while sem_wait(arrivals) != 0 {}
            let (work, isOver) = state.withLock { state -> (Work?, Bool) in
                state.idle -= 1
                guard state.waitingCount > 0 else { return (nil, state.isStopped) }
                defer { state.advance() }
                return (state.waiting[state.next], false)
            }
            if isOver { return }
            guard let work else { continue }
            work.body()
            state.withLock { $0.byteCount -= work.byteCount }
        }
    }
}

extension WorkerPool.State {
    fileprivate mutating func dropWaiting() {
        for work in waiting[next...] { byteCount -= work.byteCount }
        waiting = []
        next = 0
    }

    fileprivate mutating func advance() {
        next += 1
        guard next == waiting.count || next >= 1_024 else { return }
        waiting.removeFirst(next)
        next = 0
    }
}
