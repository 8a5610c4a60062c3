import RMQCommon
import Synchronization

/// What the delivery of delayed messages shares: its wake-ups, how far it is, and whom it tells.
///
/// The thread looks at the head of each level: entries of a level are in the order of their delivery, so the earliest
/// head says when there is something to do. Until then it sleeps; an append that is due earlier wakes it.
final class DelaySchedule: Sendable {
    struct Signals {
        var isStopping = false
        /// Something came that is due before `wakeTime`.
        var hasNews = false
        /// When the thread looks again by itself, on the steady clock; while it looks, `Int64.max`.
        var wakeTime = Int64.max
        /// By level, entries that were appended and may not be readable yet: the queue's end with them, and the earliest due time.
        var announced: [Int: (end: Int64, due: Int64)] = [:]
        var drifts = StampDrifts()
    }

    /// How far deliveries are, and what the file says about it.
    struct Progress {
        var offsets: [Int: Int64] = [:]
        /// As in the file; nil when it has none, or there is no file.
        var savedLogOffset: Int64?
        var isChanged = false
        /// ms since 1970, on the steady clock.
        var savedAt: Int64 = 0
        /// Whether the last delivery failed, which is said once.
        var isFailing = false
    }

    /// Who is told. A closure as the very value of a `Mutex` would get another layer around it with each access, until
    /// calling it overflows the stack; as a property it is kept as it is.
    struct DeliveryState {
        var listener: MessageStore.DeliveryListener?
    }

    let path: String
    let signals = Monitor(Signals())
    /// Changed by the schedule's thread only; before it starts and after it ends, by whoever opens or closes the store.
    let progress = Mutex(Progress())
    let delivery = Mutex(DeliveryState())
    let thread = Mutex<StoreThread?>(nil)

    init(path: String) {
        self.path = path
    }

    /// Tells the thread about an entry, unless it looks before that is due anyway.
    /// - Parameters:
    ///   - due: by the wall clock that stamped the entry.
    ///   - drift: of that clock from the steady one.
    func announce(level: Int, offset: Int64, due: Int64, drift: Int64) {
        let isNews = signals.withLock { signals in
            signals.drifts.note(level: level, offset: offset, drift: drift)
            let due = due - signals.drifts.drift(level: level, offset: offset)
            let earlier = signals.announced[level]?.due ?? .max
            signals.announced[level] = (offset + 1, min(earlier, due))
            return due < signals.wakeTime && !signals.hasNews
        }
        if isNews { signals.change { $0.hasNews = true } }
    }

    /// Has the thread look at its settings now.
    func reconsider() { signals.change { $0.hasNews = true } }

    /// How far the clock that stamped an entry was from the steady one.
    func drift(level: Int, offset: Int64) -> Int64 { signals.withLock { $0.drifts.drift(level: level, offset: offset) } }

    /// Whether more of a level is to become readable beyond `offset`, and when that is due.
    func expected(level: Int, beyond offset: Int64) -> Int64? {
        signals.withLock { signals in
            guard let announced = signals.announced[level] else { return nil }
            if announced.end > offset { return announced.due }
            signals.announced[level] = nil
            return nil
        }
    }

    /// Whether there is something that the file should say.
    var hasProgress: Bool { progress.withLock { !$0.offsets.isEmpty || $0.savedLogOffset != nil } }

    var isStopping: Bool { signals.withLock { $0.isStopping } }
}
