public import RMQCommon
import RMQRemoting

/// Looking messages up: by key, by either id, by their place in a queue.
extension Admin {
    /// Messages of a topic that have `key` among their keys, from all its brokers, oldest first.
    ///
    /// A broker returns its newest ones, at most 64 unless it is configured otherwise. It takes a moment until a message that
    /// was just sent can be found.
    ///
    /// - Parameter times: store times in milliseconds since 1970.
    /// - Throws: only when no broker answered.
    public func messages(
        topic: String, key: String, maxCount: Int32 = 64, times: ClosedRange<Int64> = 0...Int64.max
    ) async throws(ClientError) -> [StoredMessage] {
        let header = QueryMessageHeader {
            $0.topic = known(topic)
            $0.key = key
            $0.maxCount = maxCount
            $0.beginTimestamp = times.lowerBound
            $0.endTimestamp = times.upperBound
        }
        // A broker may go by the hash of the key alone.
        return try await query(header) { $0.keys.containsExactly(key) }
    }

    /// The messages with this unique id, which their producer gave them, oldest first; several as after a repeated send. At most 32 a broker.
    ///
    /// Brokers are asked for messages stored from the time in the id on, less what its maker's zone and clock may differ from ours; when
    /// they find none, for all: an id does not say which of the last months it is of.
    /// - Throws: only when no broker answered.
    public func messages(topic: String, uniqueId: String) async throws(ClientError) -> [StoredMessage] {
        var header = QueryMessageHeader {
            $0.topic = known(topic)
            $0.key = uniqueId
            $0.maxCount = 32
            $0.isUniqueId = true
        }
        if let id = UniqueId(uniqueId) {
            header.beginTimestamp = id.time() - Self.uniqueIdUncertainty.milliseconds
            let found = try await query(header) { $0.messageId.isExactly(uniqueId) }
            if !found.isEmpty { return found }
        }
        header.beginTimestamp = 0
        return try await query(header) { $0.messageId.isExactly(uniqueId) }
    }

    /// The first one stored of ``messages(topic:uniqueId:)``; nil when no broker has it.
    public func message(topic: String, uniqueId: String) async throws(ClientError) -> StoredMessage? {
        try await messages(topic: topic, uniqueId: uniqueId).first
    }

    /// The message that the offset id `id` points to, from the broker whose address is in the id.
    /// - Throws: `invalidName` for what is no such id (32 hexadecimal digits, 56 with an IPv6 address).
    public func message(id: String) async throws(ClientError) -> StoredMessage {
        guard let parsed = OffsetMessageId(id) else {
            throw ClientError(.invalidName, "\"\(id)\" is not an offset message id (32 or 56 hexadecimal digits)")
        }
        let address = "\(parsed.storeHost)"
        let command = RemotingCommand(.viewMessageById, header: ViewMessageHeader(offset: parsed.physicalOffset))
        let response = try await core.call(command, at: address, timeout: timeout)
        guard let message = try messages(response, "message \(id)", from: address).first else {
            throw ClientError(.malformedAnswer, "\(address) sent no message for id \(id)", server: .broker(address))
        }
        return message
    }

    /// Zones are 26 hours apart at most; an hour more for clocks that are wrong.
    private static let uniqueIdUncertainty = Duration.seconds(27 * 3600)

    private func query(
        _ header: QueryMessageHeader, where matches: (StoredMessage) -> Bool
    ) async throws(ClientError) -> [StoredMessage] {
        var found: [StoredMessage] = []
        var failure: ClientError?
        var hasAnswer = false
        for address in try await brokersOfTopic(header.topic) {
            do throws(ClientError) {
                let response = try await core.request(RemotingCommand(.queryMessage, header: header), to: address, timeout: timeout * 3)
                switch response.responseCode {
                case .success:
                    found += try messages(response, "messages by key", from: address).filter { known($0.topic).isExactly(header.topic) && matches($0) }
                case .queryNotFound: break
                default: throw .refused(response, by: address, asked: "QUERY_MESSAGE")
                }
                hasAnswer = true
            } catch {
                failure = error
            }
        }
        if let failure, !hasAnswer { throw failure }
        return found.sorted { $0.storeTimestamp < $1.storeTimestamp }
    }
}
