public import RMQCommon
public import RMQRemoting

/// What a single pull from a queue brought.
public struct PullResult: Sendable {
    public enum Status: Sendable, Hashable {
        case found
        /// The end of the queue is reached.
        case noNewMessage
        /// There were messages, none of them wanted.
        case noMatchedMessage
        /// The offset asked for lies outside the queue; go on at `nextOffset`.
        case offsetIllegal
    }

    /// What the broker found.
    public let status: Status
    /// Where to go on.
    public let nextOffset: Int64
    /// The oldest offset of the queue when it was pulled.
    public let minOffset: Int64
    /// The offset that the next message of the queue will have.
    public let maxOffset: Int64
    /// The messages that pass the filter, oldest first.
    public let messages: [StoredMessage]
    /// The broker of the set to ask next time.
    let suggestedBrokerId: Int64
}

extension AdminClient {
    /// Runtime values of a broker, by name.
    public func brokerRuntimeInfo(at address: String) async throws(ClientError) -> KeyValueTable {
        try await ask(address, RemotingCommand(.getBrokerRuntimeInfo), as: KeyValueTable.self)
    }

    /// The message that the offset id `id` points to, from the broker whose address is in the id.
    public func message(id: String) async throws(ClientError) -> StoredMessage {
        guard let parsed = OffsetMessageId(id) else {
            throw ClientError(.invalidName, "\"\(id)\" is not an offset message id (32 or 56 hexadecimal digits)")
        }
        let address = "\(parsed.storeHost)"
        let response = try await core.call(
            RemotingCommand(.viewMessageById, header: ViewMessageHeader(offset: parsed.physicalOffset)), at: address, timeout: timeout)
        do {
            let messages = try MessageRecord.decodeAll(response.body, decompressing: true)
            guard let message = messages.first else { throw ClientError(.malformedAnswer, "\(address) sent no message for id \(id)") }
            return message
        } catch let error as ClientError {
            throw error
        } catch {
            throw .malformed("message \(id)", from: address, error)
        }
    }

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

    /// One pull without waiting: at most `maxCount` messages from `offset` on.
    ///
    /// - Parameter group: any consumer group; its offsets are not touched.
    public func pull(
        from queue: MessageQueue, offset: Int64, maxCount: Int32 = 32, filter: SubscriptionFilter = .all, group: String = SystemGroup.tools
    ) async throws(ClientError) -> PullResult {
        let request = PullRequest(
            group: group, queue: queue, offset: offset, maxCount: maxCount, filter: filter, subscriptionVersion: 0,
            committed: nil, suspend: nil, carriesExpression: true)
        return try await core.pull(request, preferring: 0, timeout: timeout)
    }
}
