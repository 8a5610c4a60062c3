import RMQCommon
import RMQRemoting
import Synchronization

/// What the pull loops brought, on its way to the workers.
///
/// The first run in line is shared: any number of workers take messages of it at once. One worker is woken for new messages, and each
/// worker that begins with a message wakes the next one while there are more, but never two at once:
///
/// - Handlers that do not wait keep as many workers busy as there are threads, without a switch of tasks between messages.
/// - Where a handler waits, its thread goes to the worker that was woken, which wakes the next: all of them are at work soon, and no message
///   waits behind a handler while a worker is idle.
/// - While handlers take hardly any time, to wake a worker costs more than it could do: then the loop that brings a backlog looks a moment
///   later whether one is needed.
///
/// `state` is locked for moments only.
final class RunInbox: Sendable {
    /// What a worker is given.
    enum Work: Sendable {
        /// Messages to take, beside others.
        case run(PulledRun)
        /// A message that could not be sent back.
        case again(PulledRun, Int)
    }

    private struct State {
        var runs: [PulledRun] = []
        var again: [(PulledRun, Int)] = []
        var idle: [(id: UInt64, continuation: CheckedContinuation<Work?, Never>)] = []
        var nextId: UInt64 = 0
        var isFinished = false

        /// What comes next. A run stays first in line until all of its messages are taken.
        mutating func work() -> Work? {
            if !again.isEmpty {
                let (run, index) = again.removeFirst()
                return .again(run, index)
            }
            runs.removeFirst(runs.prefix { !$0.hasUnclaimed }.count)
            return runs.first.map { .run($0) }
        }
    }

    private let state = Mutex(State())
    /// What workers look at between two messages.
    private let idleCount = Atomic<Int>(0)
    private let waitingCount = Atomic<Int>(0)
    /// A worker was woken and has not begun.
    private let isWaking = Atomic<Bool>(false)
    /// A loop is about to wake a worker, at the end of its wake-up.
    private let isWakeDue = Atomic<Bool>(false)
    /// The handlers of the last run were quick.
    private let isQuick = Atomic<Bool>(false)
    /// A loop looks in a moment whether messages wait while workers are idle.
    private let isWatched = Atomic<Bool>(false)

    /// To wake a worker takes about five times as long.
    private static let quickHandler = Duration.microseconds(2)
    /// What a message may wait behind a handler that is suddenly slow.
    private static let watchTime = Duration.milliseconds(1)

    /// The messages of a new run may be taken.
    /// - Parameter loop: the one whose wake-up this is: a worker is woken when all that came with it is here. Nil wakes one at once.
    func put(_ run: PulledRun, behindFlushOf loop: EventLoop? = nil) {
        guard let loop else { return wake { state in state.runs.append(run) } }
        state.withLock { state in
            guard !state.isFinished else { return }
            state.runs.append(run)
            waitingCount.store(state.runs.count + state.again.count, ordering: .sequentiallyConsistent)
        }
        // Who finds the mark set has put its run here before it is taken away.
        guard !isWakeDue.exchange(true, ordering: .sequentiallyConsistent) else { return }
        loop.deferBehindFlush {
            self.isWakeDue.store(false, ordering: .sequentiallyConsistent)
            self.watch(on: loop)
            self.wake { _ in }
        }
    }

    private func watch(on loop: EventLoop) {
        guard isQuick.load(ordering: .relaxed), !isWatched.exchange(true, ordering: .relaxed) else { return }
        loop.scheduleLocally(after: Self.watchTime) {
            self.isWatched.store(false, ordering: .relaxed)
            self.wake { _ in }
        }
    }

    /// Handlers of one run ran so often, and so long in all.
    func noteHandlers(_ count: Int, took time: Duration) {
        let isQuick = time < Self.quickHandler * count
        if self.isQuick.load(ordering: .relaxed) != isQuick { self.isQuick.store(isQuick, ordering: .relaxed) }
    }

    /// A message is to be handed out again.
    func put(again run: PulledRun, _ index: Int) {
        wake { state in state.again.append((run, index)) }
    }

    /// Work for the caller, who waits for it; nil when the inbox is finished or the task is cancelled.
    func next() async -> Work? {
        let (ready, id): (Work?, UInt64?) = state.withLock { state in
            if state.isFinished { return (nil, nil) }
            if let work = state.work() { return (work, nil) }
            state.nextId += 1
            return (nil, state.nextId)
        }
        guard ready == nil, let id else { return ready }
        return await wait(id)
    }

    private func wait(_ id: UInt64) async -> Work? {
        await withTaskCancellationHandler {
            let work: Work? = await withCheckedContinuation { continuation in
                let (isAnswered, work): (Bool, Work?) = state.withLock { state in
                    if state.isFinished || Task.isCancelled { return (true, nil) }
                    if let work = state.work() { return (true, work) }
                    state.idle.append((id, continuation))
                    idleCount.store(state.idle.count, ordering: .relaxed)
                    return (false, nil)
                }
                if isAnswered { continuation.resume(returning: work) }
            }
            isWaking.store(false, ordering: .sequentiallyConsistent)
            return work
        } onCancel: {
            let continuation = state.withLock { state in
                let found = state.idle.firstIndex { $0.id == id }.map { state.idle.remove(at: $0).continuation }
                idleCount.store(state.idle.count, ordering: .relaxed)
                return found
            }
            continuation?.resume(returning: nil)
        }
    }

    /// A worker that has taken a message of `run` lets another one begin, if there is one and something for it to do.
    @inline(__always)
    func callHelp(beside run: PulledRun) {
        guard idleCount.load(ordering: .relaxed) > 0, !isWaking.load(ordering: .relaxed), !isWatched.load(ordering: .relaxed) else { return }
        if run.hasUnclaimed || waitingCount.load(ordering: .sequentiallyConsistent) > 1 { wake { _ in } }
    }

    /// The same of one that takes no message of a run: it begins with one that comes again, or was cancelled.
    func callHelp() {
        guard idleCount.load(ordering: .relaxed) > 0, !isWaking.load(ordering: .relaxed) else { return }
        if waitingCount.load(ordering: .sequentiallyConsistent) > 0 { wake { _ in } }
    }

    /// Hands out nothing more; waiting workers get nil.
    func finish() {
        let idle = state.withLock { state in
            state.isFinished = true
            for run in state.runs { run.close() }
            state.runs = []
            state.again = []
            defer { state.idle = [] }
            return state.idle
        }
        for worker in idle { worker.continuation.resume(returning: nil) }
    }

    private func wake(_ change: (inout State) -> Void) {
        let (worker, work): (CheckedContinuation<Work?, Never>?, Work?) = state.withLock { state in
            guard !state.isFinished else { return (nil, nil) }
            change(&state)
            // Before it is looked whether a worker was woken: that one looks here after it has begun.
            waitingCount.store(state.runs.count + state.again.count, ordering: .sequentiallyConsistent)
            defer { waitingCount.store(state.runs.count + state.again.count, ordering: .relaxed) }
            guard !state.idle.isEmpty, !isWaking.load(ordering: .sequentiallyConsistent), let work = state.work() else { return (nil, nil) }
            isWaking.store(true, ordering: .sequentiallyConsistent)
            defer { idleCount.store(state.idle.count, ordering: .relaxed) }
            return (state.idle.removeLast().continuation, work)
        }
        worker?.resume(returning: work)
    }
}
