public import RMQCommon
public import RMQRemoting

/// Topics and consumer groups: their settings, how to make and how to delete them. What a name may be is for the broker to say.
extension Admin {
    /// Creates or changes a topic on one broker, which then tells the name servers.
    /// - Throws: `refused` by a slave, for a system topic, and for a name that no topic may have.
    public func createTopic(_ topic: TopicConfig, at address: String) async throws(ClientError) {
        let header = CreateTopicHeader {
            $0.topic = known(topic.topicName)
            $0.readQueueCount = topic.readQueueCount
            $0.writeQueueCount = topic.writeQueueCount
            $0.permission = topic.permission
            $0.filterType = topic.filterType
            $0.systemFlag = topic.systemFlag
            $0.isOrdered = topic.isOrdered
        }
        try await tell(address, RemotingCommand(.updateAndCreateTopic, header: header))
    }

    /// Creates or changes a topic on every master of a cluster. The first failure ends it; the masters before it have the topic.
    /// - Returns: the addresses of these masters.
    @discardableResult
    public func createTopic(_ topic: TopicConfig, inCluster cluster: String) async throws(ClientError) -> [String] {
        let addresses = try await masters(ofCluster: cluster).map(\.address)
        for address in addresses { try await createTopic(topic, at: address) }
        return addresses
    }

    /// Deletes a topic at the masters of a cluster and then at every name server. The first failure ends it.
    public func deleteTopic(_ topic: String, inCluster cluster: String) async throws(ClientError) {
        for (_, address) in try await masters(ofCluster: cluster) { try await deleteTopic(topic, at: address) }
        try await deleteRoute(of: topic, inCluster: cluster)
    }

    /// Deletes a topic at one broker. Name servers keep its route until ``deleteRoute(of:inCluster:)``.
    public func deleteTopic(_ topic: String, at address: String) async throws(ClientError) {
        try await tell(address, RemotingCommand(.deleteTopicInBroker, header: TopicHeader(topic: known(topic))))
    }

    /// Has every name server forget what the brokers of a cluster registered of a topic. The first failure ends it.
    public func deleteRoute(of topic: String, inCluster cluster: String) async throws(ClientError) {
        let header = DeleteTopicInNameServerHeader {
            $0.topic = known(topic)
            $0.clusterName = cluster
        }
        try await tellNameServers(RemotingCommand(.deleteTopicInNamesrv, header: header))
    }

    /// Creates or changes a consumer group on one broker.
    public func createGroup(_ group: SubscriptionGroupConfig, at address: String) async throws(ClientError) {
        var group = group
        group.groupName = known(group.groupName)
        try await tell(address, RemotingCommand(.updateAndCreateSubscriptiongroup, body: group.body))
    }

    /// Creates or changes a consumer group on every master of a cluster. The first failure ends it; the masters before it have the group.
    /// - Returns: the addresses of these masters.
    @discardableResult
    public func createGroup(_ group: SubscriptionGroupConfig, inCluster cluster: String) async throws(ClientError) -> [String] {
        let addresses = try await masters(ofCluster: cluster).map(\.address)
        for address in addresses { try await createGroup(group, at: address) }
        return addresses
    }

    /// Least offset, end and time of the last message of every queue of a topic, from all its brokers.
    /// - Throws: the failure of the first broker that has one.
    public func topicStats(_ topic: String) async throws(ClientError) -> TopicStatsTable {
        var merged = TopicStatsTable()
        for address in try await brokersOfTopic(known(topic)) {
            merged.queues.merge(try await topicStats(topic, at: address).queues) { _, new in new }
        }
        return merged
    }

    /// The same of the queues that one broker has.
    public func topicStats(_ topic: String, at address: String) async throws(ClientError) -> TopicStatsTable {
        let command = RemotingCommand(.getTopicStatsInfo, header: TopicHeader(topic: known(topic)))
        var stats: TopicStatsTable = try await ask(address, command, "the status of \(topic)")
        stats.queues = core.namespace.unwrap(stats.queues)
        return stats
    }

    /// Every topic that one broker has, with its settings.
    public func topicConfigs(at address: String) async throws(ClientError) -> TopicConfigTable {
        try await ask(address, RemotingCommand(.getAllTopicConfig), "the table of topics")
    }

    /// Every consumer group that one broker has, with its settings.
    public func groupConfigs(at address: String) async throws(ClientError) -> SubscriptionGroupTable {
        try await ask(address, RemotingCommand(.getAllSubscriptiongroupConfig), "the table of groups")
    }

    /// Runtime values of a broker, by the reference's names (`putTps`, `commitLogMaxOffset`); each is text.
    public func brokerRuntimeInfo(at address: String) async throws(ClientError) -> KeyValueTable {
        try await ask(address, RemotingCommand(.getBrokerRuntimeInfo), "the runtime values")
    }
}
