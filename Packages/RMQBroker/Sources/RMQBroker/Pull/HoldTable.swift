import RMQCommon

/// Requests that wait for something to happen to their queue, oldest first.
///
/// A value without clock, thread or socket: the loop that owns it says what time it is and answers what comes out.
struct HoldTable<Queue: Hashable, Waiting> {
    private struct Held {
        var waiting: Waiting
        let deadline: MonotonicInstant
    }

    /// Most requests that a loop holds at once; the next one is answered at once instead. As the reference's
    /// `pullThreadPoolQueueCapacity`, and about 16 MB.
    static var heldLimit: Int { 100_000 }

    private let limit: Int
    private(set) var count = 0
    private var queues: [Queue: [Held]] = [:]

    init(limit: Int = heldLimit) { self.limit = limit }

    /// - Returns: false when the table is full and the request was not taken.
    mutating func hold(_ waiting: Waiting, on queue: Queue, until deadline: MonotonicInstant) -> Bool {
        guard count < limit else { return false }
        queues[queue, default: []].append(Held(waiting: waiting, deadline: deadline))
        count += 1
        return true
    }

    func isHolding(_ queue: Queue) -> Bool { queues[queue] != nil }

    /// Offers each request held on `queue`; those for which `answers` returns true are gone.
    mutating func release(_ queue: Queue, _ answers: (inout Waiting) -> Bool) {
        guard var held = queues.removeValue(forKey: queue) else { return }
        let before = held.count
        Self.removeEach(&held) { answers(&$0.waiting) }
        count -= before - held.count
        if !held.isEmpty { queues[queue] = held }
    }

    /// Takes out every request whose time is over, and every other one that `leaves` picks.
    ///
    /// Looks at all that is held, so with many it is called seldom.
    /// - Returns: what left, and when the time of the next one is over; nil when nothing is held any more.
    mutating func sweep(
        now: MonotonicInstant, _ leaves: (Waiting) -> Bool
    ) -> (left: [(queue: Queue, waiting: Waiting)], nextDeadline: MonotonicInstant?) {
        var left: [(queue: Queue, waiting: Waiting)] = []
        var next: MonotonicInstant?
        func isLeaving(_ held: Held) -> Bool {
            if held.deadline <= now || leaves(held.waiting) { return true }
            next = min(next ?? held.deadline, held.deadline)
            return false
        }
        var changed: [(Queue, [Held])] = []
        for (queue, held) in queues {
            var kept = held
            kept.removeAll { pull in
                guard isLeaving(pull) else { return false }
                left.append((queue, pull.waiting))
                return true
            }
            if kept.count < held.count { changed.append((queue, kept)) }
        }
        for (queue, kept) in changed { queues[queue] = kept.isEmpty ? nil : kept }
        count -= left.count
        return (left, next)
    }

    /// `removeAll(where:)` whose closure may change what it keeps.
    private static func removeEach(_ held: inout [Held], _ leaves: (inout Held) -> Bool) {
        var kept = 0
        for index in held.indices {
            if leaves(&held[index]) { continue }
            if kept != index { held.swapAt(kept, index) }
            kept += 1
        }
        held.removeLast(held.count - kept)
    }
}
