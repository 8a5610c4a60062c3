import RMQRemoting
import Synchronization

/// The loops of a running broker, as other threads reach them: by number, one bit each.
final class LoopSet: Sendable {
    /// Set once before the servers start, and emptied when the loops have stopped.
    private let states = Mutex<[LoopBound<LoopState>]>([])

    var all: [LoopBound<LoopState>] {
        get { states.withLock { $0 } }
        set { states.withLock { $0 = newValue } }
    }

    /// Has `work` done on each loop whose bit is set.
    func post(to bits: UInt64, _ work: @escaping @Sendable (LoopState) -> Void) {
        guard bits != 0 else { return }
        for (index, bound) in all.enumerated() where bits & (1 << UInt64(index)) != 0 { bound.post(work) }
    }

    /// Topics were written down: lets all acknowledge messages that wait for it.
    func topicsSaved() {
        post(to: .max) { $0.writer.topicsSaved() }
    }

    /// A message of the queue became readable without these loops' doing: wakes those that hold pulls of it.
    func messageArrived(in queue: BrokerQueue) {
        post(to: queue.waiting) { $0.holds.wake(queue) }
    }
}
