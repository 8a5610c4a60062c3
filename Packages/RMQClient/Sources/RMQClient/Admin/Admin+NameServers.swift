import RMQCommon
public import RMQRemoting

/// What name servers keep besides routes, and the right of brokers to be written to.
extension Admin {
    /// All values that the name servers keep in a namespace of theirs, which is not that of a client.
    /// - Throws: `refused` with the code `queryNotFound` when the namespace is not there.
    public func keyValues(namespace: String) async throws(ClientError) -> KeyValueTable {
        try await askNameServer(RemotingCommand(.getKvlistByNamespace, header: NamespaceHeader { $0.namespace = namespace }), "the values of \(namespace)")
    }

    /// Has every name server forget a value. The first failure ends it.
    public func deleteKeyValue(namespace: String, key: String) async throws(ClientError) {
        let header = KeyHeader {
            $0.namespace = namespace
            $0.key = key
        }
        try await tellNameServers(RemotingCommand(.deleteKvConfig, header: header))
    }

    /// The configuration that each of the name servers runs with, by its address.
    public func nameServerConfigurations() async throws(ClientError) -> [(address: String, values: KeyValueTable)] {
        var found: [(address: String, values: KeyValueTable)] = []
        for address in try await core.knownNameServers() { found.append((address, Self.table(try await settings(ofNameServer: address)))) }
        return found
    }

    /// The configuration of one name server as pairs, in the order in which it tells them.
    public func settings(ofNameServer address: String) async throws(ClientError) -> [(key: String, value: String)] {
        let response = try await core.call(RemotingCommand(.getNamesrvConfig), atNameServer: address, timeout: timeout)
        return PropertiesText.parse(response.body)
    }

    /// `host:port` of the name servers, at least one; looked up first where that is still to be done.
    /// - Throws: `noNameServer` when there is none.
    public func knownNameServers() async throws(ClientError) -> [String] { try await core.knownNameServers() }

    /// Changes keys of every name server. The first failure ends it; those before it have the values.
    public func updateNameServerConfiguration(_ values: [ByteText: String]) async throws(ClientError) {
        try await tellNameServers(RemotingCommand(.updateNamesrvConfig, body: Self.text(values)))
    }

    /// Has every name server tell clients that the topics of a broker take no messages: before it is taken away. Consumers go on.
    /// - Returns: how many topics each name server took the right from, by its address.
    @discardableResult
    public func wipeWritePermission(ofBroker brokerName: String) async throws(ClientError) -> [(address: String, topicCount: Int32)] {
        var counts: [(address: String, topicCount: Int32)] = []
        for address in try await core.knownNameServers() {
            counts.append((address, try await wipeWritePermission(ofBroker: brokerName, atNameServer: address)))
        }
        return counts
    }

    /// The same at one name server, where others are to hear it whatever becomes of this one.
    /// - Returns: how many topics it took the right from.
    public func wipeWritePermission(ofBroker brokerName: String, atNameServer address: String) async throws(ClientError) -> Int32 {
        let header: WipeWritePermissionResponseHeader = try await change(.wipeWritePermOfBroker, brokerName, address)
        return header.wipedTopicCount
    }

    /// The contrary of ``wipeWritePermission(ofBroker:)``: every topic of the broker may be read and written.
    @discardableResult
    public func addWritePermission(ofBroker brokerName: String) async throws(ClientError) -> [(address: String, topicCount: Int32)] {
        var counts: [(address: String, topicCount: Int32)] = []
        for address in try await core.knownNameServers() {
            counts.append((address, try await addWritePermission(ofBroker: brokerName, atNameServer: address)))
        }
        return counts
    }

    /// The same at one name server.
    /// - Returns: how many topics it gave the right to.
    public func addWritePermission(ofBroker brokerName: String, atNameServer address: String) async throws(ClientError) -> Int32 {
        let header: AddWritePermissionResponseHeader = try await change(.addWritePermOfBroker, brokerName, address)
        return header.addedTopicCount
    }

    /// The system's topics that name servers know of: the names of clusters and brokers, and of one broker all that it has.
    public func systemTopics() async throws(ClientError) -> [String] {
        let list: TopicList = try await askNameServer(RemotingCommand(.getSystemTopicListFromNs), "the list of system topics")
        guard let address = list.brokerAddress, !address.isEmpty else { return list.topics }
        let more = try await systemTopics(at: address)
        return list.topics + more.filter { !list.topics.containsExactly($0) }
    }

    /// Which topics of a deployment in units are wanted.
    public enum UnitTopics: Sendable {
        /// Those that belong to a unit.
        case ofUnits
        /// Those that units subscribe to.
        case subscribed
        /// Those that units subscribe to and that belong to none.
        case subscribedOutside

        var code: RequestCode {
            switch self {
            case .ofUnits: .getUnitTopicList
            case .subscribed: .getHasUnitSubTopicList
            case .subscribedOutside: .getHasUnitSubUnunitTopicList
            }
        }
    }

    /// Names of topics whose `systemFlag` says that they have to do with units.
    public func topics(_ which: UnitTopics) async throws(ClientError) -> [String] {
        let list: TopicList = try await askNameServer(RemotingCommand(which.code), "the list of topics")
        return list.topics
    }

    /// Names of clusters that have a topic, each once, in their order.
    /// - Throws: `routeNotFound` when no broker has registered the topic.
    public func clusters(ofTopic topic: String) async throws(ClientError) -> [String] {
        let route = try await routeData(of: topic)
        return Set<ByteText>(texts: route.brokers.map(\.cluster)).sortedTexts
    }

    // MARK: The order of queues

    /// Where the name servers keep which queues of a topic stay even while a broker is away.
    private static let orderNamespace = "ORDER_TOPIC_CONFIG"

    /// `broker:count;broker:count` of a topic.
    /// - Throws: `refused` with the code `queryNotFound` when the topic has no fixed queues.
    public func orderConfiguration(ofTopic topic: String) async throws(ClientError) -> String {
        try await keyValue(namespace: Self.orderNamespace, key: known(topic))
    }

    /// Fixes the queues of a topic: `broker:count;broker:count`.
    public func setOrderConfiguration(_ text: String, ofTopic topic: String) async throws(ClientError) {
        try await setKeyValue(text, namespace: Self.orderNamespace, key: known(topic))
    }

    /// Lets the queues of a topic come and go with its brokers again.
    public func deleteOrderConfiguration(ofTopic topic: String) async throws(ClientError) {
        try await deleteKeyValue(namespace: Self.orderNamespace, key: known(topic))
    }

    private func change<Header: CommandHeader>(
        _ code: RequestCode, _ brokerName: String, _ address: String
    ) async throws(ClientError) -> Header {
        let command = RemotingCommand(code, header: BrokerNameHeader { $0.brokerName = brokerName })
        return try core.read(try await core.call(command, atNameServer: address, timeout: timeout), Header.self, address)
    }
}
