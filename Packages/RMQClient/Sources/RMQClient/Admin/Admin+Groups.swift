public import RMQCommon
public import RMQRemoting

/// How far groups are, and who belongs to them.
extension Admin {
    /// How far a group is in each queue, merged over all brokers of its retry topic, or of `topic` when it has none yet.
    /// - Returns: no queue for a group that has consumed nothing.
    /// - Throws: `routeNotFound` when neither topic is there; else the failure of the first broker that has one.
    public func consumeStats(group: String, topic: String? = nil) async throws(ClientError) -> ConsumeStats {
        var merged = ConsumeStats()
        let command = RemotingCommand(.getConsumeStats, header: ConsumeStatsHeader {
            $0.consumerGroup = known(group)
            $0.topic = topic.map { known($0) }
        })
        for address in try await brokersOfGroup(group, topic: topic) {
            let part: ConsumeStats = try await ask(address, command, "the progress of \(group)", limit: timeout * 3)
            merged.queues.merge(core.namespace.unwrap(part.queues)) { _, new in new }
            merged.consumeTPS += part.consumeTPS
        }
        return merged
    }

    /// How far a group is in each queue of one broker; no queue where it has consumed nothing there.
    public func consumeStats(group: String, at address: String) async throws(ClientError) -> ConsumeStats {
        let command = RemotingCommand(.getConsumeStats, header: ConsumeStatsHeader { $0.consumerGroup = known(group) })
        var stats: ConsumeStats = try await ask(address, command, "the progress of \(group)", limit: timeout * 3)
        stats.queues = core.namespace.unwrap(stats.queues)
        return stats
    }

    /// The consumers of a group that are connected, at least one, and what they subscribe to.
    ///
    /// Every member is connected to every broker, so the first broker that knows the group is enough.
    /// - Throws: `refused` with the code `consumerNotOnline` when nobody of the group is connected.
    public func consumerConnection(group: String, topic: String? = nil) async throws(ClientError) -> ConsumerConnection {
        try await consumerConnection(group, of: brokersOfGroup(group, topic: topic))
    }

    /// The same as one broker knows it.
    public func consumerConnection(group: String, at address: String) async throws(ClientError) -> ConsumerConnection {
        try await consumerConnection(group, of: [address])
    }

    private func consumerConnection(_ group: String, of addresses: [String]) async throws(ClientError) -> ConsumerConnection {
        let command = RemotingCommand(.getConsumerConnectionList, header: ConsumerGroupHeader(consumerGroup: known(group)))
        let members: ConsumerConnection = try await askOne(of: addresses, command, "the members of \(group)")
        guard !members.connections.isEmpty else {
            throw ClientError(
                .refused, "no member of group \(group) is connected", responseCode: .consumerNotOnline,
                remark: "Not found the consumer group connection")
        }
        return members
    }

    /// The producers of a group that are connected to a broker of `topic`.
    public func producerConnection(group: String, topic: String) async throws(ClientError) -> ProducerConnection {
        let command = RemotingCommand(.getProducerConnectionList, header: ProducerGroupHeader(producerGroup: known(group)))
        return try await askOne(of: brokersOfTopic(known(topic)), command, "the producers of \(group)")
    }

    /// The groups that consume a topic, as one of its brokers knows them.
    public func groups(consuming topic: String, at address: String) async throws(ClientError) -> [String] {
        let command = RemotingCommand(.queryTopicConsumeByWho, header: TopicHeader(topic: known(topic)))
        let answer = try await askObject(address, command, "the list of groups")
        return (answer["groupList"]?.asArray ?? []).compactMap(\.asString)
    }

    /// What a connected consumer is doing, as it says itself through a broker.
    /// - Parameters:
    ///   - clientId: as in ``consumerConnection(group:topic:)``.
    ///   - withStacks: whether the stacks of its threads are wanted; clients without threads of their own leave them out.
    ///   - address: the broker that passes the question on; nil tries those of the group, to which every member is connected.
    /// - Throws: `refused` when the client is not connected or does not answer the broker; `routeNotFound` when no broker has the group.
    public func runningInfo(
        of clientId: String, in group: String, withStacks: Bool = false, at address: String? = nil
    ) async throws(ClientError) -> ConsumerRunningInfo {
        let header = ConsumerRunningInfoHeader {
            $0.consumerGroup = known(group)
            $0.clientId = clientId
            $0.wantsStacks = withStacks
        }
        let brokers = if let address { [address] } else { try await brokersOfGroup(group, topic: nil) }
        return try await askOne(
            of: brokers, RemotingCommand(.getConsumerRunningInfo, header: header), "the running information of \(clientId)", limit: timeout * 3)
    }

    /// The queues that a connected consumer holds, as it says itself through the broker at `address`.
    /// - Parameter clientId: as in ``consumerConnection(group:topic:)``.
    public func queues(heldBy clientId: String, in group: String, at address: String) async throws(ClientError) -> [MessageQueue] {
        let fields: HeaderFields = ["consumerGroup": known(group), "clientId": clientId, "jstackEnable": "false"]
        let command = RemotingCommand(code: RequestCode.getConsumerRunningInfo.rawValue, fields: fields, body: [])
        let answer = try await askObject(address, command, "the running information of \(clientId)", limit: timeout * 3)
        return core.namespace.unwrap((answer["mqTable"]?.asObject?.members ?? []).compactMap { queue, _ in try? MessageQueue(json: queue) })
    }

    /// Which client holds each queue of a group, by client id. Queues of clients that do not answer are missing.
    public func queueHolders(ofGroup group: String) async throws(ClientError) -> [MessageQueue: String] {
        var holders: [MessageQueue: String] = [:]
        let members = try await consumerConnection(group: group)
        guard let address = try await brokersOfGroup(group, topic: nil).first else { return holders }
        for member in members.connections {
            for queue in (try? await queues(heldBy: member.clientId, in: group, at: address)) ?? [] { holders[queue] = member.clientId }
        }
        return holders
    }

    /// The offset that a group has stored for a queue; nil when it has none.
    public func committedOffset(group: String, queue: MessageQueue) async throws(ClientError) -> Int64? {
        try await core.committedOffset(group: known(group), queue: core.namespace.wrap(queue), timeout: timeout)
    }

    /// Stores an offset for a group. A member that holds the queue stores its own over it.
    public func commit(group: String, queue: MessageQueue, offset: Int64) async throws(ClientError) {
        try await core.commit(group: known(group), queue: core.namespace.wrap(queue), offset: offset, timeout: timeout)
    }

    /// The first answer that one of these brokers gives.
    /// - Parameter limit: longest wait for each; nil takes `timeout`.
    func askOne<Answer: JSONBody>(
        of addresses: [String], _ command: RemotingCommand, _ what: String, limit: Duration? = nil
    ) async throws(ClientError) -> Answer {
        var failure = ClientError(.brokerNotFound, "no broker was found that could be asked for \(what)")
        for address in addresses {
            do {
                return try await ask(address, command, what, limit: limit)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// Brokers of a group, by its bare name: those of the retry topic it has there, else those of `topic`.
    func brokersOfGroup(_ group: String, topic: String?) async throws(ClientError) -> [String] {
        do {
            return try await brokersOfTopic(RetryTopic.name(known(group)))
        } catch where error.code == .routeNotFound {
            guard let topic else { throw error }
            return try await brokersOfTopic(known(topic))
        }
    }
}
