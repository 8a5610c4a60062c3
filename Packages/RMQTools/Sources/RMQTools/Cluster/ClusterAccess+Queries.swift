import RMQCommon
import RMQRemoting

/// Looking messages up by key.
extension ClusterAccess {
    /// Messages of a topic with a key, from one address of each of its brokers. A broker that does not answer is passed over, as at the
    /// reference.
    /// - Throws: code 208 when there is none.
    func messages(_ header: QueryMessageHeader, where matches: (StoredMessage) -> Bool) async throws(AdminError) -> [StoredMessage] {
        var found: [StoredMessage] = []
        for broker in try await brokers(holding: header.topic) {
            guard let address = broker.anyAddress,
                let response = try? await answer(of: address, to: RemotingCommand(.queryMessage, header: header), timeout: Self.timeout * 3),
                response.responseCode == .success
            else { continue }
            found += try Self.messages(response, from: address).filter { $0.topic.isExactly(header.topic) && matches($0) }
        }
        guard !found.isEmpty else {
            throw .refused(code: ResponseCode.noMessage.rawValue, remark: "query message by key finished, but no message.", broker: nil)
        }
        return found
    }

    private func brokers(holding topic: String) async throws(AdminError) -> [BrokerData] {
        do {
            return try await route(of: topic).brokers
        } catch .refused(code: let code, remark: _, broker: _) where code == ResponseCode.topicNotExist.rawValue {
            throw .refused(code: code, remark: "The topic[\(topic)] not matched route info", broker: nil)
        }
    }

    /// Messages with a unique id, the one stored first in front.
    func messages(topic: String, uniqueId: String) async throws(AdminError) -> [StoredMessage] {
        let header = QueryMessageHeader {
            $0.topic = topic
            $0.key = uniqueId
            $0.maxCount = 32
            $0.isUniqueId = true
        }
        return try await messages(header) { $0.messageId.isExactly(uniqueId) }.sorted { $0.storeTimestamp < $1.storeTimestamp }
    }
}
