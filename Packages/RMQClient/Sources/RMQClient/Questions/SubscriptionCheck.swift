import RMQCommon
import RMQRemoting

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
}
