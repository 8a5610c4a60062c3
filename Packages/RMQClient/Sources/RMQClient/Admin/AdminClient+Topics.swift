public import RMQCommon
public import RMQRemoting

extension AdminClient {
    /// Creates or changes a topic on one broker, which then tells the name servers.
    public func createTopic(_ topic: TopicConfig, at address: String) async throws(ClientError) {
        try Validation.checkTopic(topic.topicName)
        let header = CreateTopicHeader {
            $0.topic = topic.topicName
            $0.readQueueCount = topic.readQueueCount
            $0.writeQueueCount = topic.writeQueueCount
            $0.permission = topic.permission
            $0.filterType = topic.filterType
            $0.systemFlag = topic.systemFlag
            $0.isOrdered = topic.isOrdered
        }
        try await tell(address, RemotingCommand(.updateAndCreateTopic, header: header))
    }

    /// Creates or changes a topic on every master of a cluster.
    /// - Returns: the addresses of these masters.
    @discardableResult
    public func createTopic(_ topic: TopicConfig, inCluster cluster: String) async throws(ClientError) -> [String] {
        let addresses = try await masters(ofCluster: cluster).map(\.address)
        for address in addresses { try await createTopic(topic, at: address) }
        return addresses
    }

    /// Deletes a topic at the masters of a cluster and then at every name server.
    public func deleteTopic(_ topic: String, inCluster cluster: String) async throws(ClientError) {
        for (_, address) in try await masters(ofCluster: cluster) {
            try await tell(address, RemotingCommand(.deleteTopicInBroker, header: TopicHeader(topic: topic)))
        }
        for nameServer in core.configuration.nameServers {
            let header = DeleteTopicInNameServerHeader {
                $0.topic = topic
                $0.clusterName = cluster
            }
            try await tell(nameServer, RemotingCommand(.deleteTopicInNamesrv, header: header))
        }
    }

    /// Creates or changes a consumer group on one broker.
    public func createGroup(_ group: SubscriptionGroupConfig, at address: String) async throws(ClientError) {
        try Validation.checkGroup(group.groupName)
        try await tell(address, RemotingCommand(.updateAndCreateSubscriptiongroup, body: group.json.bytes(.standard)))
    }

    /// Creates or changes a consumer group on every master of a cluster.
    @discardableResult
    public func createGroup(_ group: SubscriptionGroupConfig, inCluster cluster: String) async throws(ClientError) -> [String] {
        let addresses = try await masters(ofCluster: cluster).map(\.address)
        for address in addresses { try await createGroup(group, at: address) }
        return addresses
    }

    /// Least, largest offset and time of the last message of every queue of a topic.
    public func topicStats(_ topic: String) async throws(ClientError) -> TopicStatsTable {
        var merged = TopicStatsTable()
        for address in try await mastersOfTopic(topic) {
            let part = try await ask(address, RemotingCommand(.getTopicStatsInfo, header: TopicHeader(topic: topic)), as: TopicStatsTable.self)
            merged.queues.merge(part.queues) { _, new in new }
        }
        return merged
    }

    /// Every topic that one broker has, with its settings.
    public func topicConfigs(at address: String) async throws(ClientError) -> TopicConfigTable {
        try await ask(address, RemotingCommand(.getAllTopicConfig), as: TopicConfigTable.self)
    }

    /// Every consumer group that one broker has, with its settings.
    public func groupConfigs(at address: String) async throws(ClientError) -> SubscriptionGroupTable {
        try await ask(address, RemotingCommand(.getAllSubscriptiongroupConfig), as: SubscriptionGroupTable.self)
    }

    /// Addresses of the brokers that hold a topic: masters where there are any.
    func mastersOfTopic(_ topic: String) async throws(ClientError) -> [String] {
        let route = try await core.refreshRoute(of: topic)
        return route.brokers.keys.map(\.text).sorted(by: utf16Precedes).compactMap { route.reader(of: $0, preferring: 0) }
    }
}
