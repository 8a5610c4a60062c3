import RMQClient

extension TopicStatsTable {
    /// Where the next messages go, of all queues together.
    var end: Int64 { queues.values.reduce(0) { $0 &+ $1.maxOffset } }
    /// Messages that are kept, of all queues together.
    var messageCount: Int64 { queues.values.reduce(0) { $0 &+ ($1.maxOffset &- $1.minOffset) } }
}

extension ConsumeStats {
    /// What several brokers say of one group.
    init(merging parts: [ConsumeStats]) {
        self.init()
        for part in parts {
            queues.merge(part.queues) { _, new in new }
            consumeTPS += part.consumeTPS
        }
    }

    /// Where the group stands, of all queues together.
    var consumed: Int64 { queues.values.reduce(0) { $0 &+ $1.consumerOffset } }
}
