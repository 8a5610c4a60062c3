public import RMQCommon

extension Producer {
    /// As ``sendOneway(_:)``, to one queue.
    public func sendOneway(_ message: Message, to queue: MessageQueue) async throws(ClientError) {
        try await sendOneway(message, until: deadline(nil)) { _, _ throws(ClientError) in queue }
    }

    /// As ``sendOneway(_:)``, to the queue that `selector` picks.
    ///
    /// ```swift
    /// try await producer.sendOneway(message, selecting: .hash(of: "sensor-7"))
    /// ```
    public func sendOneway(_ message: Message, selecting selector: QueueSelector) async throws(ClientError) {
        try await sendOneway(message, until: deadline(nil)) { (outgoing, deadline) throws(ClientError) in
            let queues = try await self.targets.queues(for: outgoing.topic, deadline: deadline)
            do {
                return try selector.choose(self.core.namespace.unwrap(queues))
            } catch {
                throw ClientError(.invalidMessage, "the queue selector failed: \(error)")
            }
        }
    }

    private func sendOneway(
        _ message: Message, until deadline: MonotonicInstant,
        choosing choose: (OutgoingMessage, MonotonicInstant) async throws(ClientError) -> MessageQueue
    ) async throws(ClientError) {
        let outgoing = try outgoing(message)
        let queue = known(try await choose(outgoing, deadline), outgoing)
        guard queue.topic.isExactly(outgoing.topic) else {
            throw ClientError(.invalidMessage, "the message is for topic \(outgoing.topic), the queue belongs to \(queue.topic)")
        }
        try await performOneway(outgoing, to: targets.target(queue, deadline: deadline), until: deadline)
    }
}
