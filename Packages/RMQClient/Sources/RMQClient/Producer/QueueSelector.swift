public import RMQCommon

/// Which of a topic's queues a message goes to.
///
/// ```swift
/// try await producer.send(message, selecting: .hash(of: order.customer))
/// try await producer.send(message, selecting: QueueSelector { queues in queues[shard] })
/// ```
///
/// A selector is shown the queues that take messages, at least one, by broker name and number. They are the same from send to send as long
/// as the route stays, so what chooses by their number keeps an order only so long; a topic with an order configuration keeps them for ever.
public struct QueueSelector: Sendable {
    let choose: @Sendable ([MessageQueue]) throws -> MessageQueue

    /// An own rule. What it throws ends the send with `ClientError.Code.invalidMessage`.
    public init(_ choose: @escaping @Sendable ([MessageQueue]) throws -> MessageQueue) { self.choose = choose }

    /// The queue that it chooses.
    func pick(among queues: [MessageQueue]) throws(ClientError) -> MessageQueue { try Self.pick(among: queues, by: choose) }

    /// The queue that a rule chooses.
    static func pick(
        among queues: [MessageQueue], by choose: ([MessageQueue]) throws -> MessageQueue
    ) throws(ClientError) -> MessageQueue {
        do {
            return try choose(queues)
        } catch {
            throw ClientError(.invalidMessage, "the queue selector failed: \(error)")
        }
    }

    /// Any queue, each as likely as the others.
    public static let random = QueueSelector { queues in queues[Int.random(in: queues.indices)] }

    /// Equal keys to the same queue, as `send(_:orderingKey:)` and the reference's hash selector do.
    public static func hash(of key: String) -> QueueSelector { hash(JavaString.hash(key)) }

    /// Equal keys to the same queue, as the reference's hash selector does with an `Integer`.
    public static func hash(of key: Int32) -> QueueSelector { hash(key) }

    /// Equal keys to the same queue, as the reference's hash selector does with a `Long`.
    public static func hash(of key: Int64) -> QueueSelector { hash(Int32(truncatingIfNeeded: key ^ (key >> 32))) }

    private static func hash(_ hash: Int32) -> QueueSelector {
        QueueSelector { queues in queues[OrderingKey.index(ofHash: hash, among: queues.count)] }
    }
}

extension Producer {
    /// Sends to the queue that `selector` picks. Without retries.
    @discardableResult
    public func send(_ message: Message, selecting selector: QueueSelector, timeout: Duration? = nil) async throws(ClientError) -> SendResult {
        try await send(message, timeout: timeout, choosing: selector.choose)
    }
}
