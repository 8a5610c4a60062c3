import RMQStore
import Synchronization

/// One queue as the broker sees it: the store's queue, and which loops hold pulls that wait for its next message.
///
/// There is exactly one per topic and queue id for as long as the topic exists, so its identity is the queue's.
final class BrokerQueue: Sendable, Hashable {
    let stored: QueueHandle
    /// Bit n is set while loop n holds a pull of this queue.
    ///
    /// Who appends reads it after the append, and who holds a pull looks at the queue's end again after setting its bit;
    /// both in one total order, so one of the two sees the other and no wake-up is lost.
    private let waitingLoops = Atomic<UInt64>(0)

    init(_ stored: QueueHandle) { self.stored = stored }

    var waiting: UInt64 { waitingLoops.load(ordering: .sequentiallyConsistent) }
    func addWaiter(loop: Int) { waitingLoops.bitwiseOr(1 << UInt64(loop), ordering: .sequentiallyConsistent) }
    static func == (left: BrokerQueue, right: BrokerQueue) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
    func removeWaiter(loop: Int) { waitingLoops.bitwiseAnd(~(1 << UInt64(loop)), ordering: .sequentiallyConsistent) }
}

/// The queues of one topic that are in use, made on first use.
final class TopicQueues: Sendable {
    private let queues = Mutex<[Int32: BrokerQueue]>([:])

    func queue(_ queueId: Int32, of topic: String, in store: MessageStore) -> BrokerQueue {
        queues.withLock { queues in
            if let queue = queues[queueId] { return queue }
            let queue = BrokerQueue(store.queueHandle(topic: topic, queueId: queueId))
            queues[queueId] = queue
            return queue
        }
    }
}
