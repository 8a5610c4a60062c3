public import RMQCommon
import RMQRemoting

extension AdminClient {
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
            $0.topic = topic
            $0.key = key
            $0.maxCount = maxCount
            $0.beginTimestamp = times.lowerBound
            $0.endTimestamp = times.upperBound
        }
        // A broker may go by the hash of the key alone.
        return try await query(header) { $0.keys.containsExactly(key) }
    }

    /// The message with this unique id, which its producer gave it; of several, as after a repeated send, the one stored first.
    ///
    /// Brokers are asked for messages stored from the time in the id on, less what its maker's zone and clock may differ from ours.
    /// - Returns: nil when no broker has it.
    public func message(topic: String, uniqueId: String) async throws(ClientError) -> StoredMessage? {
        let begin = UniqueId(uniqueId).map { $0.time() - Self.uniqueIdUncertainty.milliseconds } ?? 0
        let header = QueryMessageHeader {
            $0.topic = topic
            $0.key = uniqueId
            $0.maxCount = 32
            $0.beginTimestamp = begin
            $0.isUniqueId = true
        }
        return try await query(header) { $0.messageId.isExactly(uniqueId) }.first
    }

    /// Zones are 26 hours apart at most; an hour more for clocks that are wrong.
    private static let uniqueIdUncertainty = Duration.seconds(27 * 3600)

    private func query(
        _ header: QueryMessageHeader, where matches: (StoredMessage) -> Bool
    ) async throws(ClientError) -> [StoredMessage] {
        var found: [StoredMessage] = []
        var failure: ClientError?
        var hasAnswer = false
        for address in try await mastersOfTopic(header.topic) {
            do throws(ClientError) {
                let response = try await core.request(RemotingCommand(.queryMessage, header: header), to: address, timeout: timeout * 3)
                switch response.responseCode {
                case .success: found += try decode(response.body, from: address).filter { $0.topic.isExactly(header.topic) && matches($0) }
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

    private func decode(_ body: [UInt8], from address: String) throws(ClientError) -> [StoredMessage] {
        do {
            return try MessageRecord.decodeAll(body, decompressing: true)
        } catch {
            throw .malformed("messages by key", from: address, error)
        }
    }
}
