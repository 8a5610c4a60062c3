public import RMQCommon

/// Reading queues: where they begin and end, and their messages. No offset of any group changes.
extension Admin {
    /// The offset of the oldest message of a queue.
    public func minOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
        try await core.minOffset(of: queue, timeout: timeout)
    }

    /// The offset that the next message of a queue will have.
    public func maxOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
        try await core.maxOffset(of: queue, timeout: timeout)
    }

    /// The offset of the first message stored at or after `timestamp`, in milliseconds since 1970; that of the last one when all are older.
    public func searchOffset(of queue: MessageQueue, at timestamp: Int64) async throws(ClientError) -> Int64 {
        try await core.searchOffset(of: queue, at: timestamp, timeout: timeout)
    }

    /// When the oldest message of a queue was stored, in milliseconds since 1970; nil when the queue is empty.
    public func earliestStoreTime(of queue: MessageQueue) async throws(ClientError) -> Int64? {
        try await core.earliestStoreTime(of: queue, timeout: timeout)
    }

    /// One pull without waiting: at most `maxCount` messages from `offset` on. A broker may return fewer than there are.
    ///
    /// - Parameter group: in whose name is read; it has to exist where brokers do not create groups.
    public func pull(
        from queue: MessageQueue, offset: Int64, maxCount: Int32 = 32, filter: SubscriptionFilter = .all, group: String = SystemGroup.tools
    ) async throws(ClientError) -> PullResult {
        let request = QueuePull(
            group: group, queue: queue, offset: offset, maxCount: maxCount, filter: filter, subscriptionVersion: 0,
            committed: nil, suspend: nil, carriesExpression: true)
        let result = try await core.pull(request, preferring: 0, timeout: timeout)
        if let (index, cause) = result.unreadable.first {
            throw ClientError(.malformedAnswer, "message \(result.messages[index].messageId) of \(queue): \(RecordError.compression(cause))")
        }
        return result
    }
}
