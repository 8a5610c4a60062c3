import Synchronization

/// Lets so many through at a time, in the order of arrival: handlers of ordered queues, and deliveries that are not settled.
///
/// `state` is locked for moments only.
final class Permits: Sendable {
    private struct State {
        var free: Int
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
        var nextId: UInt64 = 0
        var isFinished = false
        /// Resumed when all permits are back.
        var drainWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let count: Int
    private let state: Mutex<State>

    init(_ count: Int) {
        self.count = count
        state = Mutex(State(free: count))
    }

    /// Waits for a permit; false when there are no more, or the task is cancelled.
    func acquire() async -> Bool {
        let (answer, id): (Bool?, UInt64) = state.withLock { state in
            state.nextId += 1
            return (Self.take(&state), state.nextId)
        }
        if let answer { return answer }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if let answer = Task.isCancelled ? false : Self.take(&state) { return answer }
                    state.waiting.append((id, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).continuation }
            }
            continuation?.resume(returning: false)
        }
    }

    private static func take(_ state: inout State) -> Bool? {
        if state.isFinished { return false }
        guard state.free > 0, state.waiting.isEmpty else { return nil }
        state.free -= 1
        return true
    }

    func release() {
        let (next, drained): (CheckedContinuation<Bool, Never>?, [CheckedContinuation<Void, Never>]) = state.withLock { state in
            if !state.waiting.isEmpty { return (state.waiting.removeFirst().continuation, []) }
            state.free += 1
            assert(state.free <= count, "a permit came back twice")
            guard state.free == count else { return (nil, []) }
            defer { state.drainWaiters = [] }
            return (nil, state.drainWaiters)
        }
        next?.resume(returning: true)
        for waiter in drained { waiter.resume() }
    }

    /// Gives out no more; those who wait get false.
    func finish() {
        let waiting = state.withLock { state in
            state.isFinished = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.continuation.resume(returning: false) }
    }

    /// Returns when all permits are back, or the task is cancelled.
    func drain() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.free == count || Task.isCancelled { return true }
                    state.drainWaiters.append(continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let waiters = state.withLock { state in
                defer { state.drainWaiters = [] }
                return state.drainWaiters
            }
            for waiter in waiters { waiter.resume() }
        }
    }
}
