import RMQCommon
import Synchronization

/// Where pulls leave messages and polls find them: a ``LitePullState`` under a lock, and the tasks that wait for it to change.
///
///     pull loops ─► wait for room ─► add ─┐                     ┌─ poll
///                                          └─► LitePullState ────┴─ poll, waiting
///
/// `locked` is locked for moments only; the one lock taken within it is that of the `OffsetTable`: no offset moves of a queue that is given up.
final class LitePullBoard: Sendable {
    typealias Batch = LitePullState.Batch

    private struct Locked {
        var state: LitePullState
        /// Polls that found nothing, in the order in which they came.
        var polls: [(id: UInt64, continuation: CheckedContinuation<Batch?, Never>)] = []
        /// Those that are about to wait. Who is not among them, nor waiting, has no time left.
        var comingPolls: Set<UInt64> = []
        var lastPoll: UInt64 = 0
        /// Pull loops that wait for room, or to be resumed, by holder.
        var pullers: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        /// Who waits for a queue to be given up, by holder.
        var endWaiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    /// Continuations to resume when the lock is free again.
    private struct Wakeups {
        var polls: [(CheckedContinuation<Batch?, Never>, Batch?)] = []
        var pulls: [(CheckedContinuation<Bool, Never>, Bool)] = []
        var ends: [CheckedContinuation<Void, Never>] = []

        func resume() {
            for (poll, batch) in polls { poll.resume(returning: batch) }
            for (pull, mayPull) in pulls { pull.resume(returning: mayPull) }
            for end in ends { end.resume() }
        }
    }

    private let locked: Mutex<Locked>

    init(_ configuration: LitePullConfiguration) {
        locked = Mutex(Locked(state: LitePullState(limits: configuration.cache, maxCached: configuration.maxCachedMessages)))
    }

    /// Looks at the state, or changes it; whoever waited for such a change goes on.
    func change<Result: Sendable>(_ body: (inout LitePullState) -> Result) -> Result {
        let (result, wakeups) = locked.withLock { locked in
            let result = body(&locked.state)
            return (result, Self.wake(&locked))
        }
        wakeups.resume()
        return result
    }

    /// Finds out who may go on.
    private static func wake(_ locked: inout Locked) -> Wakeups {
        var wakeups = Wakeups()
        if locked.state.isFinished {
            wakeups.polls = locked.polls.map { ($0.continuation, nil) }
            locked.polls = []
        }
        while !locked.polls.isEmpty, let batch = locked.state.take() { wakeups.polls.append((locked.polls.removeFirst().continuation, batch)) }
        let changes = locked.state.takeChanges()
        for holder in changes.released {
            if let pull = locked.pullers.removeValue(forKey: holder) { wakeups.pulls.append((pull, false)) }
            if let end = locked.endWaiters.removeValue(forKey: holder) { wakeups.ends.append(end) }
        }
        guard !locked.pullers.isEmpty else { return wakeups }
        for holder in changes.freesAll ? Array(locked.pullers.keys) : changes.freed where locked.state.mayPull(holder) == true {
            if let pull = locked.pullers.removeValue(forKey: holder) { wakeups.pulls.append((pull, true)) }
        }
        return wakeups
    }

    // MARK: Waiting

    /// The oldest batch; nil when none comes in time, when all is finished, or when the task is cancelled.
    func next(within timeout: Duration) async -> Batch? {
        if let batch = change({ $0.take() }) { return batch }
        guard timeout > .zero else { return nil }
        let id = locked.withLock { locked in
            locked.lastPoll += 1
            locked.comingPolls.insert(locked.lastPoll)
            return locked.lastPoll
        }
        // Is cancelled, and has ended, when this returns.
        async let _: Void = dismiss(id, after: timeout)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (isDone, batch, wakeups) = locked.withLock { locked -> (Bool, Batch?, Wakeups) in
                    guard locked.comingPolls.remove(id) != nil, !locked.state.isFinished else { return (true, nil, Wakeups()) }
                    if locked.polls.isEmpty, let batch = locked.state.take() { return (true, batch, Self.wake(&locked)) }
                    locked.polls.append((id, continuation))
                    return (false, nil, Wakeups())
                }
                wakeups.resume()
                if isDone { continuation.resume(returning: batch) }
            }
        } onCancel: {
            dismiss(id)
        }
    }

    private func dismiss(_ id: UInt64, after timeout: Duration) async {
        guard (try? await Task.sleep(for: timeout)) != nil else { return }
        dismiss(id)
    }

    /// Ends the waiting of a poll, also of one that is about to wait.
    private func dismiss(_ id: UInt64) {
        let poll = locked.withLock { locked in
            locked.comingPolls.remove(id)
            return locked.polls.firstIndex { $0.id == id }.map { locked.polls.remove(at: $0).continuation }
        }
        poll?.resume(returning: nil)
    }

    /// Waits until a pull may be sent: the queue is not paused, and there is room for what comes.
    /// - Returns: false when this holder does not hold the queue any more, or when the task is cancelled.
    func mayPull(_ holder: UInt64) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = locked.withLock { locked in
                    guard !Task.isCancelled, let mayPull = locked.state.mayPull(holder) else { return false }
                    if !mayPull { locked.pullers[holder] = continuation }
                    return mayPull ? true : nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            locked.withLock { $0.pullers.removeValue(forKey: holder) }?.resume(returning: false)
        }
    }

    /// Returns when this holder does not hold its queue any more, or when the task is cancelled.
    func untilReleased(_ holder: UInt64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = locked.withLock { locked in
                    guard !Task.isCancelled, locked.state.isHeld(by: holder) else { return true }
                    locked.endWaiters[holder] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            locked.withLock { $0.endWaiters.removeValue(forKey: holder) }?.resume()
        }
    }
}
