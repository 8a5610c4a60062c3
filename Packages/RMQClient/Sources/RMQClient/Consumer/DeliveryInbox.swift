import RMQCommon
import Synchronization

/// Messages on their way from the pull loops to the handlers.
///
/// Hands out at most `limit` deliveries that are not settled; `state` is locked for moments only.
final class DeliveryInbox: Sendable {
    private struct State {
        var waiting: [Delivery] = []
        var head = 0
        var unsettled = 0
        var takers: [(id: UInt64, continuation: CheckedContinuation<Delivery?, Never>)] = []
        var nextTaker: UInt64 = 0
        var isFinished = false
        /// Resumed when the inbox is finished and nothing is unsettled.
        var drainWaiters: [CheckedContinuation<Void, Never>] = []

        /// The next delivery whose queue is still ours.
        mutating func take() -> Delivery? {
            while head < waiting.count {
                let delivery = waiting[head]
                head += 1
                if head == waiting.count {
                    waiting.removeAll(keepingCapacity: true)
                    head = 0
                } else if head >= 1024, head * 2 >= waiting.count {
                    waiting.removeFirst(head)
                    head = 0
                }
                if !delivery.queue.isDropped { return delivery }
            }
            return nil
        }
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    func put(_ deliveries: [Delivery]) {
        let ready = state.withLock { state in
            guard !state.isFinished else { return [(CheckedContinuation<Delivery?, Never>, Delivery)]() }
            state.waiting += deliveries
            return match(&state)
        }
        for (taker, delivery) in ready { taker.resume(returning: delivery) }
    }

    /// The next delivery; nil when the inbox is finished or the task is cancelled.
    func next() async -> Delivery? {
        let id = state.withLock { state in
            state.nextTaker += 1
            return state.nextTaker
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (answered, delivery): (Bool, Delivery?) = state.withLock { state in
                    if state.isFinished || Task.isCancelled { return (true, nil) }
                    if state.unsettled < limit, state.takers.isEmpty, let delivery = state.take() {
                        state.unsettled += 1
                        return (true, delivery)
                    }
                    state.takers.append((id, continuation))
                    return (false, nil)
                }
                if answered { continuation.resume(returning: delivery) }
            }
        } onCancel: {
            let taker = state.withLock { state in
                state.takers.firstIndex { $0.id == id }.map { state.takers.remove(at: $0).continuation }
            }
            taker?.resume(returning: nil)
        }
    }

    /// One delivery was settled: there is room for another.
    func settled() {
        let (ready, drained) = state.withLock { state in
            state.unsettled -= 1
            let drained = state.isFinished && state.unsettled == 0 ? state.drainWaiters : []
            if !drained.isEmpty { state.drainWaiters = [] }
            return (match(&state), drained)
        }
        for (taker, delivery) in ready { taker.resume(returning: delivery) }
        for waiter in drained { waiter.resume() }
    }

    /// Hands out nothing more; waiting tasks get nil.
    func finish() {
        let takers = state.withLock { state in
            state.isFinished = true
            state.waiting = []
            state.head = 0
            defer { state.takers = [] }
            return state.takers
        }
        for taker in takers { taker.continuation.resume(returning: nil) }
    }

    /// After `finish`: returns when every delivery that was handed out is settled.
    func drain() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.unsettled == 0 || Task.isCancelled { return true }
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

    private func match(_ state: inout State) -> [(CheckedContinuation<Delivery?, Never>, Delivery)] {
        var ready: [(CheckedContinuation<Delivery?, Never>, Delivery)] = []
        while !state.takers.isEmpty, state.unsettled < limit, let delivery = state.take() {
            state.unsettled += 1
            ready.append((state.takers.removeFirst().continuation, delivery))
        }
        return ready
    }
}
