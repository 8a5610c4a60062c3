import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// Tells every name server what this broker is and which topics it holds.
///
/// All methods may be called from any thread and return at once; answers come on a loop.
final class NameServerRegistration: Sendable {
    private let identity: Identity
    private let broker: BrokerState
    private let links = Mutex<[NameServerLink]>([])

    init(configuration: BrokerConfiguration, port: UInt16, broker: BrokerState, client: RemotingClient, account: BrokerAccount) {
        identity = Identity(configuration, port: port, broker)
        self.broker = broker
        let live = broker.live
        let made = configuration.nameServers.map { address in
            NameServerLink(
                address: address, client: client, account: account, logger: broker.logger, timeout: { .milliseconds(live.current.registerTimeoutMilliseconds) },
                accepted: { [weak self] link, response in
                    self?.takeMaster(response)
                    self?.takeOrder(response, from: link)
                },
                makeQuery: { [weak self] in self?.versionQuery() },
                makeRegistration: { [weak self] content, partialVersion in self?.registration(content, partialVersion) })
        }
        links.withLock { $0 = made }
        client.setConnectionClosedHandler { [weak self] address in
            let link = self?.links.withLock { $0.first { $0.address.isExactly(address) } }
            link?.connectionLost()
        }
    }

    /// Registers all topics.
    /// - Parameters:
    ///   - accepted: called for each name server that took the registration.
    ///   - completion: called once, after every name server answered or failed.
    func registerAll(accepted: @escaping @Sendable () -> Void = {}, completion: @escaping @Sendable () -> Void = {}) {
        forEachLink(completion) { link, step in
            link.register(.allTopics) { isAccepted in
                if isAccepted { accepted() }
                step()
            }
        }
    }

    /// Registers all topics; many calls become one.
    func registerSoon() {
        for link in links.withLock({ $0 }) { link.register(.allTopics) }
    }

    /// Registers all topics, as the period wants it: where `forceRegister` does not say otherwise, only with name servers that do not
    /// know them.
    func registerPeriodically() {
        let content = broker.live.current.forcesRegistration ? NameServerLink.Content.allTopics : .allTopicsIfNews
        for link in links.withLock({ $0 }) { link.register(content) }
    }

    /// Registers one topic, which a name server adds to what it knows.
    /// - Parameter version: the table's with it.
    func register(_ topic: TopicConfig, version: DataVersion, completion: @escaping @Sendable () -> Void = {}) {
        forEachLink(completion) { link, step in link.register(.topics([topic], version: version)) { _ in step() } }
    }

    /// Takes this broker off all name servers; nothing is registered any more.
    func unregister(completion: @escaping @Sendable () -> Void) {
        let command = RemotingCommand(.unregisterBroker, header: identity.leaving)
        forEachLink(completion) { link, step in link.stop(with: command, timeout: .seconds(3), completion: step) }
    }

    private func forEachLink(
        _ completion: @escaping @Sendable () -> Void, _ body: (NameServerLink, _ step: @escaping @Sendable () -> Void) -> Void
    ) {
        let links = links.withLock { $0 }
        guard !links.isEmpty else { return completion() }
        let remaining = RemainingCount(links.count, completion)
        for link in links { body(link) { remaining.step() } }
    }

    // MARK: What is told

    private func registration(_ content: NameServerLink.Content, _ partialVersion: DataVersion?) -> NameServerLink.RegistrationRequest? {
        let (table, isPartial) = switch content {
        case .topics(let topics, let version):
            (TopicConfigTable(topics: Dictionary(topics.map { (ByteText($0.topicName), $0) }) { $1 }, dataVersion: version), true)
        case .allTopics, .allTopicsIfNews: (allTopics(unlike: partialVersion), false)
        }
        let body = RegisterBrokerBody(topicConfigTable: announced(table))
        do {
            let isCompressed = broker.live.current.compressedRegister
            let bytes = isCompressed ? try body.compressed() : body.body
            let command = RemotingCommand(.registerBroker, header: identity.registering(bytes, isCompressed: isCompressed), body: bytes)
            return .init(command: command, version: table.dataVersion, isPartial: isPartial)
        } catch {
            broker.logger.error("cannot compress the registration: \(error)")
            return nil
        }
    }

    private func versionQuery() -> (command: RemotingCommand, version: DataVersion) {
        let version = broker.topics.dataVersion
        return (RemotingCommand(.queryDataVersion, header: identity.asking, body: version.body), version)
    }

    private func allTopics(unlike partialVersion: DataVersion?) -> TopicConfigTable {
        let table = broker.topics.table
        guard table.dataVersion == partialVersion else { return table }
        broker.topics.touch()
        return broker.topics.table
    }

    /// A broker that may not be read or not be written says so for every topic.
    ///
    /// A name server keeps each topic that it was ever told. So the template of topics that are made by use is told without any right
    /// when none are made any more: a client that looks for the route of a topic that does not exist then finds none, not this one.
    private func announced(_ table: TopicConfigTable) -> TopicConfigTable {
        let configuration = broker.live.current
        let permission = Permission(rawValue: configuration.brokerPermission)
        var table = table
        if !configuration.autoCreateTopic { table.topics[SystemTopic.autoCreate]?.permission = [] }
        guard !permission.isSuperset(of: .readWrite) else { return table }
        table.topics = table.topics.mapValues { topic in
            TopicConfig(
                topicName: topic.topicName, readQueueCount: topic.readQueueCount, writeQueueCount: topic.writeQueueCount,
                permission: topic.permission.isEmpty ? [] : permission)
        }
        return table
    }

    // MARK: What comes back

    /// A slave is told where its master is, as soon as that has registered.
    private func takeMaster(_ response: RemotingCommand) {
        guard broker.store.role == .replica, let header = try? response.header(RegisterBrokerResponseHeader.self),
            let master = header.masterAddress, let replication = header.haServerAddress, !master.utf8.isEmpty, !replication.utf8.isEmpty,
            // What the name server knows of the time before this broker became a slave.
            !master.isExactly(identity.brokerAddress)
        else { return }
        broker.replication.register(masterAddress: master, replicationAddress: replication)
    }

    /// The order configuration of a name server decides which topics are ordered.
    ///
    /// Every name server keeps its own, so the first one of the list that knows this broker decides: two that differ would
    /// change the topics to and fro.
    private func takeOrder(_ response: RemotingCommand, from link: NameServerLink) {
        let links = links.withLock { $0 }
        guard links.first(where: \.isUpToDate) === link, !response.body.isEmpty else { return }
        do {
            let ordered = try KeyValueTable(body: response.body).table.keys
            if broker.topics.setOrdered(Set(ordered)) { broker.files.later(.topics) }
        } catch {
            broker.logger.warning("the order configuration of name server \(link.address) cannot be read: \(error)")
        }
    }
}

/// Who this broker is, as all its registrations say.
private struct Identity: Sendable {
    private let configuration: BrokerConfiguration
    private let broker: BrokerState
    let brokerAddress: String
    let haAddress: String
    /// Changes with the role.
    private var brokerId: Int64 { broker.live.current.brokerId }

    init(_ configuration: BrokerConfiguration, port: UInt16, _ broker: BrokerState) {
        self.configuration = configuration
        self.broker = broker
        brokerAddress = HostPort(configuration.advertisedAddress, port).description
        haAddress = HostPort(configuration.brokerIP2.isEmpty ? configuration.advertisedAddress : configuration.brokerIP2, broker.replication.listenPort).description
    }

    func registering(_ body: [UInt8], isCompressed: Bool) -> RegisterBrokerHeader {
        RegisterBrokerHeader {
            $0.brokerName = configuration.brokerName
            $0.brokerAddress = brokerAddress
            $0.clusterName = configuration.brokerClusterName
            $0.haServerAddress = haAddress
            $0.brokerId = brokerId
            $0.isCompressed = isCompressed
            $0.bodyCRC32 = CRC32.rocketMQ(body)
        }
    }

    var asking: QueryDataVersionHeader {
        QueryDataVersionHeader {
            $0.brokerName = configuration.brokerName
            $0.brokerAddress = brokerAddress
            $0.clusterName = configuration.brokerClusterName
            $0.brokerId = brokerId
        }
    }

    var leaving: UnregisterBrokerHeader {
        UnregisterBrokerHeader {
            $0.brokerName = configuration.brokerName
            $0.brokerAddress = brokerAddress
            $0.clusterName = configuration.brokerClusterName
            $0.brokerId = brokerId
        }
    }
}

/// Calls back when a number of things have happened.
private final class RemainingCount: Sendable {
    private let left: Atomic<Int>
    private let completion: @Sendable () -> Void

    init(_ count: Int, _ completion: @escaping @Sendable () -> Void) {
        left = Atomic(count)
        self.completion = completion
    }

    func step() {
        if left.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { completion() }
    }
}
