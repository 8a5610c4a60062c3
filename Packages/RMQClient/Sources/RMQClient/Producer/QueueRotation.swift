import RMQCommon

/// Takes the queues of a topic in turn. A value, owned by the producer.
struct QueueRotation: Sendable {
    private var position: UInt32

    init(start: UInt32) { position = start }

    /// The next queue, of another broker than `lastFailed` when there is one.
    /// - Parameter queues: at least one.
    mutating func next(of queues: [MessageQueue], avoiding lastFailed: String?) -> MessageQueue {
        if let lastFailed {
            for _ in queues {
                let queue = draw(from: queues)
                if !queue.brokerName.isExactly(lastFailed) { return queue }
            }
        }
        return draw(from: queues)
    }

    private mutating func draw(from queues: [MessageQueue]) -> MessageQueue {
        position &+= 1
        return queues[Int(position % UInt32(queues.count))]
    }
}
