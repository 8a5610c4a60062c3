import RMQCommon
import RMQRemoting

/// Routes and addresses, from the name servers.
extension ClusterAccess {
    func route(of topic: String) async throws(AdminError) -> TopicRouteData {
        let answer = try await askNameServer(RemotingCommand(.getRouteinfoByTopic, header: RouteHeader(topic: topic)))
        return try Self.read(answer, "the route of \(topic)")
    }

    func clusterInfo() async throws(AdminError) -> ClusterInfo {
        try Self.read(await askNameServer(RemotingCommand(.getBrokerClusterInfo)), "the list of clusters")
    }

    func topics() async throws(AdminError) -> [String] {
        let list: TopicList = try Self.read(await askNameServer(RemotingCommand(.getAllTopicListFromNameserver)), "the list of topics")
        return list.topics
    }

    /// What a broker answers to a request, as a typed body.
    func ask<Body: JSONBody>(
        _ address: String, _ command: RemotingCommand, _ what: String, timeout: Duration = Self.timeout
    ) async throws(AdminError) -> Body {
        try Self.read(await askBroker(address, command, timeout: timeout), what + " from \(address)")
    }

    static func read<Body: JSONBody>(_ answer: RemotingCommand, _ what: String) throws(AdminError) -> Body {
        do {
            return try Body(body: answer.body)
        } catch {
            throw .unreadable("\(what): \(error)")
        }
    }
}

extension BrokerData {
    /// The master, else any slave.
    var anyAddress: String? { masterAddress ?? addresses.min { $0.key < $1.key }?.value }
}

extension ClusterInfo {
    /// Brokers of a cluster by name; nil when there is no such cluster.
    func brokers(ofCluster cluster: String) -> [BrokerData]? {
        clusters[cluster].map { names in names.sortedByBytes().compactMap { brokers[$0] } }
    }
}

extension CommandContext {
    /// The addresses of a cluster's masters. Of an unknown cluster the reference complains on standard output, without a line feed, and goes on
    /// with no broker at all.
    func masters(ofCluster cluster: String) async throws(AdminError) -> [String] {
        try await brokersOrComplaint(ofCluster: cluster)?.compactMap(\.masterAddress) ?? []
    }

    /// Brokers of a cluster by name; nil, after the complaint, when there is no such cluster.
    func brokersOrComplaint(ofCluster name: String) async throws(AdminError) -> [BrokerData]? {
        let brokers = try await cluster.clusterInfo().brokers(ofCluster: name)
        if brokers == nil {
            print("[error] Make sure the specified clusterName exists or the name server connected to is correct.")
        }
        return brokers
    }
}
