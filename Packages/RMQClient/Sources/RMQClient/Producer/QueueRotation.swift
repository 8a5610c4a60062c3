import RMQCommon

/// Takes the queues of a topic in turn. A value, owned by the producer.
struct QueueRotation: Sendable {
    private var position: UInt32

    init(start: UInt32) { position = start }

    /// The next queue, of another broker than `lastFailed` when there is one.
    /// - Parameter queues: at least one.
    mutating func next(of queues: [MessageQueue], avoiding lastFailed: String?) -> MessageQueue {
        queues[nextIndex(of: queues, avoiding: lastFailed)]
    }

    /// The same, as its place among the queues.
    mutating func nextIndex(of queues: [MessageQueue], avoiding lastFailed: String?) -> Int {
        if let lastFailed {
            for _ in queues {
                let index = draw(queues.count)
                if !queues[index].brokerName.isExactly(lastFailed) { return index }
            }
        }
        return draw(queues.count)
    }

    private mutating func draw(_ count: Int) -> Int {
        position &+= 1
        return Int(position % UInt32(count))
    }
}
