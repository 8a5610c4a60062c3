import RMQCommon
import RMQRemoting
import Synchronization

extension ClientCore {
    /// Has a broker look whether it understands a filter by properties; filters by tags are always right.
    ///
    /// A topic that does not exist yet, and a broker that is out of reach, are no error: pulls say what is wrong then.
    /// - Throws: `refused` when the broker does not allow such filters, or cannot read the condition.
    func check(_ filter: SubscriptionFilter, topic: String, group: String) async throws(ClientError) {
        guard !filter.isByTag else { return }
        let request = CheckClientRequest {
            $0.clientId = clientId
            $0.group = group
            $0.subscription = SubscriptionData(topic: topic, filter: filter, version: WallClock.nowMilliseconds())
        }
        do {
            let route = try await existingRoute(of: topic)
            guard let name = route.brokers.keys.randomElement(), let address = route.reader(of: name.text, preferring: 0) else { return }
            _ = try await call(RemotingCommand(.checkClientConfig, body: request.body), at: address)
        } catch where error.code == .refused || error.code == .cancelled || error.code == .closed {
            throw error
        } catch {
            logger.warning("the filter of group \(group) for \(topic) was not checked: \(error)")
        }
    }

    /// Keeps a filter by properties from a broker that is too old for any: it would go by the text as by a tag.
    ///
    /// A broker that has answered no heartbeat yet is asked all the same, and says itself what it does not know.
    func checkVersion(of address: String, for filter: SubscriptionFilter) throws(ClientError) {
        guard !filter.isByTag, let version = brokerVersions.withLock({ $0[address] }), version < .v4_1_0Snapshot else { return }
        throw ClientError(.unsupported, "the broker at \(address) is \(version) and knows no filters by properties; 4.1.0 brought them")
    }
}
