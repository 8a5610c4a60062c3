import RMQCommon
import Synchronization

/// Folders of which deletions took names. The next sync of the log begins with them: a deletion is on the disk before anything
/// that was appended behind it counts as durable.
struct ChangedFolders {
    private var waiting: Set<ByteText> = []
    private var areBeingSynced = false

    var isEmpty: Bool { waiting.isEmpty && !areBeingSynced }

    /// Under the append lock.
    mutating func add(_ folder: String) { waiting.insert(folder) }

    /// For the one that syncs, which calls ``end()`` afterwards.
    /// - Returns: inner ones first. One that is gone by then is covered by the one that it was in.
    mutating func begin() -> [String] {
        let folders = waiting.sortedTexts.reversed()
        waiting = []
        areBeingSynced = !folders.isEmpty
        return Array(folders)
    }

    mutating func end() { areBeingSynced = false }
}

/// How far the log is on the disk, and whose turn it is to carry it further.
///
///     log  ███████████████|▓▓▓▓▓▓▓▓▓▓▓▓▓▓|▒▒▒▒▒▒▒▒|
///          durable        ^ being synced ^ the next sync takes all of these at once
///                  flushedOffset
///
/// One thread syncs at a time. A thread that waits for its append does it itself when nobody is at it, for everything that
/// was appended until then; others wait for that sync, and one of those whose append came too late for it does the next. So
/// one writer needs no wake-up, and sixty-four share a sync. Appends that nobody blocks for (an event loop's) are synced by
/// a thread of the store.
final class LogCommit: Sendable {
    enum Turn {
        /// The caller syncs, and calls ``finish()`` afterwards.
        case sync
        case confirmed
        case failed(StoreError)
    }

    /// One waiting thread. `turn` is written under the lock of the list, before the thread is woken.
    private final class Waiter {
        let isConfirmed: () -> Bool
        /// Whether a sync by this thread would help.
        let needsSync: Bool
        let wakeUp = WakeUp()
        var turn: Turn?

        init(needsSync: Bool, isConfirmed: @escaping () -> Bool) {
            self.needsSync = needsSync
            self.isConfirmed = isConfirmed
        }
    }

    private struct State {
        var isSyncing = false
        /// Nothing is acknowledged any more.
        var failure: StoreError?
        var waiters: [Waiter] = []
    }

    /// Wakes the thread that syncs for those who do not wait.
    let requests = Monitor(ThreadSignals())
    let changedFolders = Mutex(ChangedFolders())
    private let state = Monitor(State())
    private let flushed: Atomic<Int64>

    init(flushedOffset: Int64) {
        flushed = Atomic(flushedOffset)
    }

    /// Everything below is on the disk.
    var flushedOffset: Int64 { flushed.load(ordering: .acquiring) }
    var failure: StoreError? { state.withLock { $0.failure } }

    /// Whoever syncs, before it hands the turn on.
    func advance(to end: Int64) {
        flushed.store(end, ordering: .releasing)
    }

    /// The log was cut. Nobody syncs.
    func truncate(to end: Int64) {
        if flushedOffset > end { flushed.store(end, ordering: .releasing) }
    }

    /// Waits until `isConfirmed`, or for the turn if a sync would help; nil after `timeout`.
    func wait(timeout: Duration?, needsSync: Bool, isConfirmed: @escaping () -> Bool) -> Turn? {
        let (turn, waiter) = state.withLock { state -> (Turn?, Waiter?) in
            if let turn = Self.turn(&state, needsSync, isConfirmed) { return (turn, nil) }
            let waiter = Waiter(needsSync: needsSync, isConfirmed: isConfirmed)
            state.waiters.append(waiter)
            return (nil, waiter)
        }
        guard let waiter else { return turn }
        if waiter.wakeUp.sleep(timeout: timeout) { return waiter.turn }
        return state.withLock { state in
            state.waiters.removeAll { $0 === waiter }
            // Somebody may have woken it since.
            return waiter.turn
        }
    }

    private static func turn(_ state: inout State, _ needsSync: Bool, _ isConfirmed: () -> Bool) -> Turn? {
        if isConfirmed() { return .confirmed }
        if let failure = state.failure { return .failed(failure) }
        guard needsSync, !state.isSyncing else { return nil }
        state.isSyncing = true
        return .sync
    }

    /// Runs `work` while nobody syncs.
    func exclusively(_ work: () throws(StoreError) -> Void) throws(StoreError) {
        switch wait(timeout: nil, needsSync: true, isConfirmed: { false }) {
        case .failed(let failure): throw failure
        case .sync, .confirmed, nil: break
        }
        defer { finish() }
        try work()
    }

    /// Hands the turn to the first who needs it, and wakes everybody whose append is confirmed.
    func finish() {
        wake { $0.isSyncing = false }
    }

    /// More may be confirmed without a sync.
    func confirmationMoved() {
        wake { _ in }
    }

    /// From now on nothing is confirmed. False when that was so before.
    func fail(_ failure: StoreError) -> Bool {
        var isFirst = false
        wake { state in
            isFirst = state.failure == nil
            if isFirst { state.failure = failure }
        }
        return isFirst
    }

    private func wake(after change: (inout State) -> Void) {
        var leader: Waiter?
        var others: [Waiter] = []
        state.withLock { state in
            change(&state)
            let waiters = state.waiters
            state.waiters.removeAll(keepingCapacity: true)
            for waiter in waiters {
                waiter.turn = Self.turn(&state, waiter.needsSync, waiter.isConfirmed)
                switch waiter.turn {
                case nil: state.waiters.append(waiter)
                case .sync: leader = waiter
                case .confirmed, .failed: others.append(waiter)
                }
            }
        }
        // The next sync begins while the others are being woken.
        leader?.wakeUp.wake()
        for waiter in others { waiter.wakeUp.wake() }
    }
}
