import RMQCommon
import Synchronization

/// Work that a loop runs later; cancelling is allowed from any thread.
public final class ScheduledWork: Sendable {
    private let cancelled = Atomic<Bool>(false)

    init() {}

    /// The work does not run any more, unless it already started.
    public func cancel() { cancelled.store(true, ordering: .relaxed) }

    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }
}

/// Timers of one loop, earliest first: a binary heap.
///
/// Cancelled entries stay until they are due or until the heap doubled since the last clean-up.
struct TimerHeap {
    struct Entry {
        let deadline: MonotonicInstant
        let sequence: UInt64
        let token: ScheduledWork
        let work: () -> Void

        func isBefore(_ other: Entry) -> Bool {
            deadline == other.deadline ? sequence < other.sequence : deadline < other.deadline
        }
    }

    private var entries: [Entry] = []
    private var nextSequence: UInt64 = 0
    /// Size at which cancelled entries are dropped.
    private var cleanUpSize = 64

    var earliest: MonotonicInstant? { entries.first?.deadline }

    mutating func insert(at deadline: MonotonicInstant, token: ScheduledWork, work: @escaping () -> Void) {
        if entries.count >= cleanUpSize { dropCancelled() }
        entries.append(Entry(deadline: deadline, sequence: nextSequence, token: token, work: work))
        nextSequence &+= 1
        siftUp(entries.count - 1)
    }

    /// Removes the earliest entry that is due at `now`; nil when none is. Cancelled ones are skipped.
    mutating func popDue(_ now: MonotonicInstant) -> Entry? {
        while let first = entries.first, first.deadline <= now || first.token.isCancelled {
            removeFirst()
            if !first.token.isCancelled { return first }
        }
        return nil
    }

    private mutating func dropCancelled() {
        let kept = entries.filter { !$0.token.isCancelled }
        entries.removeAll(keepingCapacity: true)
        for entry in kept {
            entries.append(entry)
            siftUp(entries.count - 1)
        }
        cleanUpSize = max(64, 2 * entries.count)
    }

    private mutating func removeFirst() {
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard entries[index].isBefore(entries[parent]) else { return }
            entries.swapAt(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            let left = 2 * index + 1
            guard left < entries.count else { return }
            let right = left + 1
            let child = right < entries.count && entries[right].isBefore(entries[left]) ? right : left
            guard entries[child].isBefore(entries[index]) else { return }
            entries.swapAt(index, child)
            index = child
        }
    }
}
