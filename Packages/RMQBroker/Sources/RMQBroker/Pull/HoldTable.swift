/// Requests that wait for something to happen to their queue, oldest first.
///
/// A value without clock, thread or socket: the loop that owns it says what time it is and answers what comes out.
struct HoldTable<Queue: Hashable, Waiting> {
    private struct Held {
        var waiting: Waiting
        /// Milliseconds since 1970.
        let deadline: Int64
        let connection: UInt64
    }

    /// Most requests held at once; the next one is answered at once instead. As the reference's
    /// `pullThreadPoolQueueCapacity`, and about 16 MB.
    let limit: Int
    private(set) var count = 0
    private var queues: [Queue: [Held]] = [:]

    init(limit: Int = 100_000) { self.limit = limit }

    /// - Returns: false when the table is full and the request was not taken.
    mutating func hold(_ waiting: Waiting, on queue: Queue, connection: UInt64, until deadline: Int64) -> Bool {
        guard count < limit else { return false }
        queues[queue, default: []].append(Held(waiting: waiting, deadline: deadline, connection: connection))
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

    /// Takes out every request whose time is over.
    mutating func expire(now: Int64) -> [(queue: Queue, waiting: Waiting)] {
        take { $0.deadline <= now }
    }

    /// Takes out what a closed connection waits for.
    mutating func drop(connection: UInt64) -> [(queue: Queue, waiting: Waiting)] {
        take { $0.connection == connection }
    }

    /// Takes out every request that `leaves` says is to be answered.
    mutating func removeAll(where leaves: (Waiting) -> Bool) -> [(queue: Queue, waiting: Waiting)] {
        take { leaves($0.waiting) }
    }

    /// When ``expire(now:)`` has something to do next.
    var earliestDeadline: Int64? {
        var earliest: Int64?
        for held in queues.values {
            for pull in held { earliest = min(earliest ?? pull.deadline, pull.deadline) }
        }
        return earliest
    }

    private mutating func take(_ leaves: (Held) -> Bool) -> [(queue: Queue, waiting: Waiting)] {
        var left: [(queue: Queue, waiting: Waiting)] = []
        for queue in queues.keys where queues[queue]!.contains(where: leaves) {
            var held = queues.removeValue(forKey: queue)!
            Self.removeEach(&held) { pull in
                guard leaves(pull) else { return false }
                left.append((queue, pull.waiting))
                return true
            }
            if !held.isEmpty { queues[queue] = held }
        }
        count -= left.count
        return left
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
