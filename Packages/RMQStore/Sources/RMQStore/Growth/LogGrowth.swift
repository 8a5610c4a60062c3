import Synchronization

/// A place in the log that moves on as the store does its work.
public enum LogEnd: Sendable, CaseIterable {
    /// Where the next record begins: ``MessageStore/maxPhysicalOffset``.
    case appended
    /// What survives a power failure: ``MessageStore/flushedOffset``.
    case flushed
    /// What is as safe as the configuration asks: ``MessageStore/confirmedOffset``.
    case confirmed
    /// What is in the queues, where consumers see it: ``MessageStore/dispatchedOffset``.
    case readable
}

/// Wakes those who follow the log, any number of them, when it has grown beyond what they know.
///
///     follower  arm(beyond: 700) ─► target 700 ─► looks at the end, which is 700 ─► does something else
///     append    the end is 760 ─► somebody waits for more than 700 ─► one call, and the target is gone
///
/// One-shot: a follower that is busy is not called at all, so a loaded store makes no more calls than there are rounds of its
/// followers, and an append for which no one waits pays a fence and a load: once for all messages of a wake-up, behind the `pwrite`.
///
/// No wake-up is lost. An append moves the ends and then reads `lowestTarget`; a follower writes `lowestTarget` and then reads the
/// end. Between the two each has a sequentially consistent fence, and one of the fences comes first: if the append's, the follower's
/// read sees the end, and it need not be called; if the follower's, the append's read sees the target, and it calls.
///
///     append     end = 760   fence   lowestTarget?
///     follower   lowestTarget = 700   fence   end?
///
/// Ends that are moved by other work than an append need no fence: who moved one looks at the targets under their lock, and a
/// follower looks at the end after it had that lock.
final class LogGrowth: Sendable {
    private struct Entry {
        let follower: LogFollower
        /// The follower is called when its end is beyond this; nil while it does not wait.
        var target: Int64?
        /// ``State/interruptions`` when the follower was last told to look: by a call, by an answer, or by being new.
        var known: Int
    }

    private struct State {
        var entries: [Entry] = []
        /// How often all were called, whatever their targets.
        var interruptions = 0
        var hasEnded = false
    }

    private let progress: LogProgress
    private let state = Mutex(State())
    /// Of those whose end moves with every append; `Int64.max` when none of them waits.
    private let lowestTarget = Atomic<Int64>(.max)

    init(_ progress: LogProgress) { self.progress = progress }

    // MARK: Whoever moves an end

    /// After something was appended.
    @inline(__always)
    func appended() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if lowestTarget.load(ordering: .relaxed) < progress.appendedOffset { callThoseBehind() }
    }

    /// After an end may have moved by anything but an append.
    func moved() { callThoseBehind() }

    /// Which ends move with an append has changed, or what the log holds.
    func rolesChanged() {
        state.withLock { updateLowestTarget($0) }
        callAll()
    }

    /// Calls all who wait: what they wait for may never come, or the log is another one now.
    ///
    /// Who does not wait just now hears of it when it arms: it may have looked before.
    func callAll() {
        state.withLock { $0.interruptions += 1 }
        call { _ in true }
    }

    /// The same for the last time.
    func end() {
        state.withLock { $0.hasEnded = true }
        callAll()
        state.withLock { $0.entries = [] }
    }

    @inline(never)
    private func callThoseBehind() { call { $0.target ?? .max < progress.offset(of: $0.follower.end) } }

    private func call(_ isCalled: (Entry) -> Bool) {
        let called = state.withLock { state -> [LogFollower] in
            var called: [LogFollower] = []
            for index in state.entries.indices where state.entries[index].target != nil && isCalled(state.entries[index]) {
                state.entries[index].target = nil
                state.entries[index].known = state.interruptions
                called.append(state.entries[index].follower)
            }
            if !called.isEmpty { updateLowestTarget(state) }
            return called
        }
        for follower in called { follower.call() }
    }

    private func updateLowestTarget(_ state: State) {
        var lowest = Int64.max
        for entry in state.entries where progress.movesWithAppends(entry.follower.end) { lowest = min(lowest, entry.target ?? .max) }
        lowestTarget.store(lowest, ordering: .relaxed)
    }

    // MARK: Followers

    func add(_ follower: LogFollower) {
        state.withLock { state in
            if !state.hasEnded { state.entries.append(Entry(follower: follower, target: nil, known: state.interruptions)) }
        }
    }

    func remove(_ follower: LogFollower) {
        state.withLock { state in
            state.entries.removeAll { $0.follower === follower }
            updateLowestTarget(state)
        }
    }

    func arm(_ follower: LogFollower, beyond offset: Int64) -> LogFollower.Answer {
        if progress.offset(of: follower.end) > offset { return .lookAgain }
        if let answer = setTarget(of: follower, to: offset) { return answer }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard progress.offset(of: follower.end) > offset else { return .willCall }
        return state.withLock { state in
            // Whoever moved the end may have taken the target, and calls.
            guard let index = state.entries.firstIndex(where: { $0.follower === follower }), state.entries[index].target != nil else { return .willCall }
            state.entries[index].target = nil
            updateLowestTarget(state)
            return .lookAgain
        }
    }

    /// - Returns: the answer when the follower is not to wait.
    private func setTarget(of follower: LogFollower, to offset: Int64) -> LogFollower.Answer? {
        state.withLock { state in
            guard !state.hasEnded, let index = state.entries.firstIndex(where: { $0.follower === follower }) else { return .hasEnded }
            let isUpToDate = state.entries[index].known == state.interruptions
            state.entries[index].known = state.interruptions
            state.entries[index].target = isUpToDate ? offset : nil
            updateLowestTarget(state)
            return isUpToDate ? nil : .lookAgain
        }
    }
}
