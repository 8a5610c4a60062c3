import RMQCommon
public import RMQRemoting

/// What operators ask of name servers and brokers. Needs no group; every call stands alone.
public struct AdminClient: Sendable {
    let core: ClientCore

    /// Longest wait for one answer.
    public var timeout = Duration.seconds(5)

    init(core: ClientCore) { self.core = core }

    // MARK: Name server

    /// Brokers by name, and broker names by cluster.
    public func clusterInfo() async throws(ClientError) -> ClusterInfo {
        try await askNameServer(RemotingCommand(.getBrokerClusterInfo), as: ClusterInfo.self)
    }

    /// Addresses of the masters of a cluster, by broker name.
    public func masters(ofCluster cluster: String) async throws(ClientError) -> [(brokerName: String, address: String)] {
        let info = try await clusterInfo()
        guard let names = info.clusters[cluster] else {
            let known = info.clusters.sortedTexts.joined(separator: ", ")
            throw ClientError(.brokerNotFound, "cluster \(cluster) is not known; known: \(known)")
        }
        return names.sortedByBytes().compactMap { name in
            info.brokers[name]?.masterAddress.map { (name, $0) }
        }
    }

    /// Names of all topics that a broker has registered.
    public func topics() async throws(ClientError) -> [String] {
        try await askNameServer(RemotingCommand(.getAllTopicListFromNameserver), as: TopicList.self).topics
    }

    /// Names of the topics that the brokers of one cluster have registered.
    public func topics(ofCluster cluster: String) async throws(ClientError) -> [String] {
        try await askNameServer(RemotingCommand(.getTopicsByCluster, header: ClusterHeader(cluster: cluster)), as: TopicList.self).topics
    }

    /// The route as the name server tells it.
    public func routeData(of topic: String) async throws(ClientError) -> TopicRouteData {
        try await core.routeData(of: topic)
    }

    /// The queues and brokers of a topic.
    public func route(of topic: String) async throws(ClientError) -> TopicRoute {
        try await core.refreshRoute(of: topic)
    }

    // MARK: Plumbing

    func askNameServer<Answer: JSONBody>(_ command: RemotingCommand, as type: Answer.Type) async throws(ClientError) -> Answer {
        let (response, address) = try await core.callNameServer(command)
        return try parse(response, command.requestCode, address)
    }

    func ask<Answer: JSONBody>(_ address: String, _ command: RemotingCommand, as type: Answer.Type) async throws(ClientError) -> Answer {
        let response = try await core.call(command, at: address, timeout: timeout)
        return try parse(response, command.requestCode, address)
    }

    func tell(_ address: String, _ command: RemotingCommand) async throws(ClientError) {
        _ = try await core.call(command, at: address, timeout: timeout)
    }

    private func parse<Answer: JSONBody>(
        _ response: RemotingCommand, _ code: RequestCode, _ address: String
    ) throws(ClientError) -> Answer {
        do {
            return try Answer(body: response.body)
        } catch {
            throw .malformed("the answer to \(code)", from: address, error)
        }
    }
}
