import RMQCommon
public import RMQRemoting

/// What operators ask of name servers and brokers. Needs no group; every call stands alone, and any number of tasks may call at once.
///
/// ```swift
/// let admin = Admin(nameServers: ["10.0.0.1:9876"])
/// for topic in try await admin.topics() { print(topic) }
/// admin.close()
/// ```
///
/// An application that has a ``RocketMQClient`` takes its ``RocketMQClient/admin`` instead, which shares the client's connections.
///
/// Every call throws a ``ClientError``: where a server refused, with the code and remark that it answered with and the server's address.
/// An address that a call takes is a broker's `host:port`, as ``clusterInfo()`` tells them.
///
/// In a namespace, calls about one topic or one group take its bare name, and messages and queues come with theirs. Lists of names and the
/// tables of a broker show all of the cluster, as servers know it; such a name may be handed to every call as well.
public struct Admin: Sendable {
    let core: ClientCore
    private let ownsConnections: Bool

    /// Longest wait for one answer. Three times as long for what a broker looks up in many files: messages by key, the progress of a group.
    public var timeout = Duration.seconds(5)

    /// The admin calls of a client.
    init(core: ClientCore) {
        self.core = core
        ownsConnections = false
    }

    /// Admin calls alone, without a client. Nothing is opened until something is asked; `close` is due at the end.
    ///
    /// - Parameter nameServers: `host:port` each. None is right for calls that go to a broker by its address; every other one throws
    ///   `noNameServer` then.
    public init(nameServers: [String]) {
        core = ClientCore(Self.configuration(nameServers))
        ownsConnections = true
    }

    /// The same with credentials, a namespace, an endpoint and whatever else a client may be told.
    /// - Throws: `invalidConfiguration` or `unsupported`, as ``RocketMQClient/init(_:)``.
    public init(_ configuration: RocketMQClient.Configuration) throws(ClientError) {
        try configuration.checkShared()
        core = try ClientCore(checked: configuration)
        ownsConnections = true
    }

    init(nameServers: [String], transport: any ClientTransport) {
        core = ClientCore(Self.configuration(nameServers), transport: transport)
        ownsConnections = true
    }

    /// What goes wrong is thrown; nothing is said besides.
    private static func configuration(_ nameServers: [String]) -> RocketMQClient.Configuration {
        var configuration = RocketMQClient.Configuration(nameServers: nameServers)
        configuration.logger = .silent
        return configuration
    }

    /// Closes the connections; later calls throw `closed`. Does nothing to those of a client, which has its own end.
    public func close() {
        if ownsConnections { core.close() }
    }

    /// `host:port` of the name servers that are asked.
    public var nameServers: [String] { core.nameServerAddresses }

    /// The name of a topic or a group as servers know it.
    func known(_ name: String) -> String { core.namespace.wrap(name) }

    // MARK: Name server

    /// Brokers by name, and broker names by cluster.
    public func clusterInfo() async throws(ClientError) -> ClusterInfo {
        try await askNameServer(RemotingCommand(.getBrokerClusterInfo), "the list of clusters")
    }

    /// Addresses of the masters of a cluster, in the order of broker names. Brokers without a master are left out.
    /// - Throws: `brokerNotFound` for a cluster that the name servers do not know; the message names those they know.
    public func masters(ofCluster cluster: String) async throws(ClientError) -> [(brokerName: String, address: String)] {
        let info = try await clusterInfo()
        guard let brokers = info.brokers(ofCluster: cluster) else {
            let known = info.clusters.sortedTexts.joined(separator: ", ")
            throw ClientError(.brokerNotFound, "cluster \(cluster) is not known; known: \(known)")
        }
        return brokers.compactMap { broker in broker.masterAddress.map { (broker.brokerName, $0) } }
    }

    /// Names of all topics that a broker has registered, system topics and retry topics of groups among them.
    public func topics() async throws(ClientError) -> [String] {
        let list: TopicList = try await askNameServer(RemotingCommand(.getAllTopicListFromNameserver), "the list of topics")
        return list.topics
    }

    /// Names of the topics that the brokers of one cluster have registered; empty for a cluster that is not known.
    public func topics(ofCluster cluster: String) async throws(ClientError) -> [String] {
        let command = RemotingCommand(.getTopicsByCluster, header: ClusterHeader(cluster: cluster))
        let list: TopicList = try await askNameServer(command, "the list of topics")
        return list.topics
    }

    /// The route as the name server tells it.
    /// - Throws: `routeNotFound` when no broker has registered the topic.
    public func routeData(of topic: String) async throws(ClientError) -> TopicRouteData {
        try await core.routeData(of: known(topic), limit: timeout)
    }

    /// The queues and brokers of a topic, as producers and consumers derive them from the name server's answer.
    /// - Throws: `routeNotFound` when no broker has registered the topic.
    public func route(of topic: String) async throws(ClientError) -> TopicRoute {
        try await core.refreshRoute(of: known(topic), limit: timeout).unwrapped(core.namespace)
    }

    /// A value that is kept at the name servers; empty when it is.
    /// - Throws: `refused` with the code `queryNotFound` when there is none.
    public func keyValue(namespace: String, key: String) async throws(ClientError) -> String {
        let command = RemotingCommand(.getKvConfig, header: KeyHeader {
            $0.namespace = namespace
            $0.key = key
        })
        return try await core.callNameServer(command, limit: timeout).0.fields?["value"] ?? ""
    }

    /// Keeps a value at every name server, in place of what was there. The first failure ends it; those before it have the value.
    public func setKeyValue(_ value: String, namespace: String, key: String) async throws(ClientError) {
        let header = PutKeyValueHeader {
            $0.namespace = namespace
            $0.key = key
            $0.value = value
        }
        try await tellNameServers(RemotingCommand(.putKvConfig, header: header))
    }
}

extension ClusterInfo {
    /// Brokers of a cluster by name; nil when there is no such cluster.
    public func brokers(ofCluster cluster: String) -> [BrokerData]? {
        clusters[cluster].map { names in names.sortedByBytes().compactMap { brokers[$0] } }
    }
}

extension BrokerData {
    /// The master's address, else that of the slave with the least id; nil when the set is empty.
    public var anyAddress: String? { masterAddress ?? addresses.min { $0.key < $1.key }?.value }
}

// MARK: How requests are made

extension Admin {
    /// Asks the name servers in turn until one answers.
    /// - Parameter what: names what is asked for, should it be unreadable.
    func askNameServer<Answer: JSONBody>(_ command: RemotingCommand, _ what: String) async throws(ClientError) -> Answer {
        let (response, address) = try await core.callNameServer(command, limit: timeout)
        do {
            return try Answer(body: response.body)
        } catch {
            throw .malformed(what, from: address, server: .nameServer(address), error)
        }
    }

    /// Tells every name server; the first failure ends it.
    func tellNameServers(_ command: RemotingCommand) async throws(ClientError) {
        for address in try await core.knownNameServers() { _ = try await core.call(command, atNameServer: address, timeout: timeout) }
    }

    /// What a broker answers, as a typed body.
    /// - Parameter limit: longest wait; nil takes `timeout`.
    func ask<Answer: JSONBody>(
        _ address: String, _ command: RemotingCommand, _ what: String, limit: Duration? = nil
    ) async throws(ClientError) -> Answer {
        let response = try await core.call(command, at: address, timeout: limit ?? timeout)
        do {
            return try Answer(body: response.body)
        } catch {
            throw .malformed(what, from: address, error)
        }
    }

    /// What a broker answers, as the members of a JSON object.
    func askObject(
        _ address: String, _ command: RemotingCommand, _ what: String, limit: Duration? = nil
    ) async throws(ClientError) -> JSONObject {
        let response = try await core.call(command, at: address, timeout: limit ?? timeout)
        do {
            return try JSONValue(parsing: response.body).requireObject(what)
        } catch {
            throw .malformed(what, from: address, error)
        }
    }

    func tell(_ address: String, _ command: RemotingCommand) async throws(ClientError) {
        _ = try await core.call(command, at: address, timeout: timeout)
    }

    /// The messages in the body of an answer.
    func messages(_ response: RemotingCommand, _ what: String, from address: String) throws(ClientError) -> [StoredMessage] {
        do {
            return core.namespace.unwrap(try MessageRecord.decodeAll(response.body, decompressing: true))
        } catch {
            throw .malformed(what, from: address, error)
        }
    }

    /// Addresses of the brokers that hold a topic, by the name that servers know, in the order of their names: masters where there are any.
    func brokersOfTopic(_ topic: String) async throws(ClientError) -> [String] {
        let route = try await core.refreshRoute(of: topic, limit: timeout)
        return route.brokers.keys.map(\.text).sorted(by: utf16Precedes).compactMap { route.reader(of: $0, preferring: 0) }
    }
}
