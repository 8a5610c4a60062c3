public import RMQCommon

/// What a handler decided about a message.
public enum ConsumeResult: Sendable, Hashable {
    case success
    /// Hand it out again after `ConsumerConfiguration.redeliveryDelay`.
    case retry
}

/// A message that waits to be settled by `acknowledge` or `retry`. The first of them counts, later ones do nothing.
///
/// An unsettled delivery holds back the group's offset in its queue, and takes one of the `maxConcurrency` places.
public struct Delivery: Sendable {
    /// What was received.
    public let message: StoredMessage
    let queue: AssignedQueue
    /// How often this consumer handed the message out before.
    let attempt: Int32
    let consumer: PushConsumer

    /// The message is done with.
    public func acknowledge() {
        consumer.settle(self, .success)
    }

    /// Asks for it again after the redelivery delay, with `reconsumeTimes` one higher.
    public func retry() {
        consumer.settle(self, .retry)
    }
}
