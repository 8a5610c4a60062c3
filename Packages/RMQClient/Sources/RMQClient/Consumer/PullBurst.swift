import RMQCommon
import Synchronization

/// Pulls of one queue that follow each other on the network's thread: no task runs between an answer and the next pull.
///
///     pull loop ─► pull ─► answer ─► cache, inbox ─► pull ─► answer … ─► pull loop
///
/// A burst ends with the first answer that is more than messages, or the word that there are none; and when there is no room, or the queue is
/// not to be pulled as it was any more. What is to be done then may take its time, so it is the loop that does it.
final class PullBurst: Sendable {
    enum End: Sendable {
        case stopped
        /// Nothing of it is cached.
        case answer(PullResult)
        case failed(ClientError)
    }

    private struct State {
        var offset: Int64
        var isOver = false
        /// The pull loop, while it waits for the end.
        var loop: CheckedContinuation<End, Never>?
    }

    private let consumer: PushConsumer
    private let assigned: AssignedQueue
    private let subscription: PushConsumer.Subscription
    private let address: String
    private let isMaster: Bool
    /// The member of the broker set at the address.
    private let brokerId: Int64
    private let state: Mutex<State>

    init(
        _ consumer: PushConsumer, _ assigned: AssignedQueue, _ subscription: PushConsumer.Subscription, from offset: Int64,
        at reader: (address: String, isMaster: Bool), brokerId: Int64
    ) {
        self.consumer = consumer
        self.assigned = assigned
        self.subscription = subscription
        (address, isMaster) = reader
        self.brokerId = brokerId
        state = Mutex(State(offset: offset))
    }

    /// Pulls until the burst ends or the task is cancelled.
    /// - Returns: why it ended, and where to go on unless the answer says so.
    func run() async -> (end: End, offset: Int64) {
        let end = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if !state.isOver { state.loop = continuation }
                    return state.isOver
                }
                if isOver { continuation.resume(returning: .stopped) } else { pull() }
            }
        } onCancel: {
            finish(.stopped)
        }
        return (end, state.withLock { $0.offset })
    }

    private func finish(_ end: End) {
        let loop = state.withLock { state in
            state.isOver = true
            return state.loop.take()
        }
        loop?.resume(returning: end)
    }

    private func pull() {
        assigned.loopMoves()
        let request = consumer.pullRequest(of: assigned, from: state.withLock { $0.offset }, subscription)
        let start = MonotonicInstant.now
        consumer.core.pull(request, at: address, isMaster: isMaster, timeout: PushConsumer.pullTimeout) { result in
            self.answered(result, elapsed: MonotonicInstant.now - start)
        }
    }

    private func answered(_ result: Result<PullResult, ClientError>, elapsed: Duration) {
        guard !state.withLock({ $0.isOver }) else { return }
        let answer: PullResult
        switch result {
        case .success(let pulled): answer = pulled
        case .failure(let error): return finish(.failed(error))
        }
        guard answer.status != .offsetIllegal, answer.unreadable.isEmpty, answer.suggestedBrokerId == brokerId else {
            return finish(.answer(answer))
        }
        state.withLock { $0.offset = answer.nextOffset }
        consumer.take(answer, from: assigned, elapsed: elapsed)
        let goesOn = assigned.mayPull && consumer.subscription(to: assigned.queue.topic)?.version == subscription.version
        if goesOn { pull() } else { finish(.stopped) }
    }
}
