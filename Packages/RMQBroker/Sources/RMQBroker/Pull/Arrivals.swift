import RMQRemoting

/// The queues that a loop appended to in this wake-up; who waits for one of them is woken at its end. On the loop's thread only.
///
/// A pull that comes between finds the message; one that came before it was appended is listed in ``BrokerQueue/waiting`` by now.
/// Where a message becomes readable later than by its append, the store says when (``LoopSet/messageArrived(in:)``).
final class Arrivals {
    private let loopIndex: Int
    private let holds: PullHolds
    private let loops: LoopSet
    private var queues: [BrokerQueue] = []

    init(loopIndex: Int, holds: PullHolds, loops: LoopSet) {
        self.loopIndex = loopIndex
        self.holds = holds
        self.loops = loops
    }

    /// A message was appended to `queue`.
    func add(_ queue: BrokerQueue) {
        guard queue.waiting != 0, queues.last !== queue else { return }
        queues.append(queue)
    }

    /// Wakes the pulls that this wake-up's appends are for: own ones directly, those of another loop by one message to it.
    func wakePulls() {
        guard !queues.isEmpty else { return }
        let arrived = queues
        queues.removeAll(keepingCapacity: true)
        let own: UInt64 = 1 << UInt64(loopIndex)
        var others: UInt64 = 0
        for queue in arrived {
            let waiting = queue.waiting
            others |= waiting & ~own
            if waiting & own != 0 { holds.wake(queue) }
        }
        loops.post(to: others) { loop in
            for queue in arrived where queue.waiting != 0 { loop.holds.wake(queue) }
        }
    }
}
