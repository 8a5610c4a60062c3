public import RMQCommon
public import RMQRemoting

extension AdminClient {
    /// How far a group is in each queue, merged over all brokers of its retry topic, or of `topic`.
    public func consumeStats(group: String, topic: String? = nil) async throws(ClientError) -> ConsumeStats {
        var merged = ConsumeStats()
        for address in try await mastersOfGroup(group, topic: topic) {
            let header = ConsumeStatsHeader {
                $0.consumerGroup = group
                $0.topic = topic
            }
            let part = try await ask(address, RemotingCommand(.getConsumeStats, header: header), as: ConsumeStats.self)
            merged.queues.merge(part.queues) { _, new in new }
            merged.consumeTPS += part.consumeTPS
        }
        return merged
    }

    /// The consumers of a group that are connected, and what they subscribe to.
    ///
    /// Every member is connected to every broker, so the first broker that knows the group is enough.
    public func consumerConnection(group: String, topic: String? = nil) async throws(ClientError) -> ConsumerConnection {
        var failure = ClientError(.brokerNotFound, "no broker holds group \(group)")
        for address in try await mastersOfGroup(group, topic: topic) {
            do {
                return try await ask(address, RemotingCommand(.getConsumerConnectionList, header: ConsumerGroupHeader(consumerGroup: group)), as: ConsumerConnection.self)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// The producers of a group that are connected to a broker of `topic`.
    public func producerConnection(group: String, topic: String) async throws(ClientError) -> ProducerConnection {
        var failure = ClientError(.brokerNotFound, "no broker holds topic \(topic)")
        for address in try await mastersOfTopic(topic) {
            do {
                return try await ask(address, RemotingCommand(.getProducerConnectionList, header: ProducerGroupHeader(producerGroup: group)), as: ProducerConnection.self)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// The offset that a group has stored for a queue; nil when it has none.
    public func committedOffset(group: String, queue: MessageQueue) async throws(ClientError) -> Int64? {
        try await core.committedOffset(group: group, queue: queue, timeout: timeout)
    }

    /// Stores an offset for a group that is not consuming now.
    public func commit(group: String, queue: MessageQueue, offset: Int64) async throws(ClientError) {
        try await core.commit(group: group, queue: queue, offset: offset, timeout: timeout)
    }

    /// Brokers of a group: those of the retry topic it has there, else those of `topic`.
    private func mastersOfGroup(_ group: String, topic: String?) async throws(ClientError) -> [String] {
        do {
            return try await mastersOfTopic(RetryTopic.name(group))
        } catch where error.code == .routeNotFound {
            guard let topic else { throw error }
            return try await mastersOfTopic(topic)
        }
    }
}
