import RMQClient
import RMQCommon

extension ConsumeStats.Progress {
    /// Messages that the group has still to consume of a queue.
    var lag: Int64 { brokerOffset &- consumerOffset }
}

extension ConsumeStats {
    /// Of all queues together.
    var lag: Int64 { queues.values.reduce(0) { $0 &+ $1.lag } }
}
