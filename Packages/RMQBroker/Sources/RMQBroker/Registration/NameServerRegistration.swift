import RMQCommon
import RMQRemoting
import Synchronization

/// Tells every name server what this broker is and which topics it holds.
///
/// All methods may be called from any thread and return at once; answers come on a loop.
final class NameServerRegistration: Sendable {
    private let addresses: [String]
    private let client: RemotingClient
    private let broker: BrokerState
    private let configuration: BrokerConfiguration
    private let brokerAddress: String
    private let haAddress: String

    init(configuration: BrokerConfiguration, port: UInt16, broker: BrokerState, client: RemotingClient) {
        addresses = configuration.nameServers
        self.client = client
        self.broker = broker
        self.configuration = configuration
        brokerAddress = HostText.joined(configuration.advertisedAddress, port)
        haAddress = HostText.joined(configuration.brokerIP2.isEmpty ? configuration.advertisedAddress : configuration.brokerIP2, port &+ 1)
    }

    /// Registers all topics.
    /// - Parameters:
    ///   - accepted: called for each name server that took the registration.
    ///   - completion: called once, after every name server answered or failed.
    func registerAll(accepted: @escaping @Sendable () -> Void = {}, completion: @escaping @Sendable () -> Void = {}) {
        register(broker.topics.table, accepted: accepted, completion: completion)
    }

    /// Registers one topic; a name server adds it to what it knows.
    func register(topic: TopicConfig, completion: @escaping @Sendable () -> Void) {
        let table = TopicConfigTable(topics: [topic.topicName: topic], dataVersion: broker.topics.table.dataVersion)
        register(table, completion: completion)
    }

    private func register(
        _ table: TopicConfigTable, accepted: @escaping @Sendable () -> Void = {}, completion: @escaping @Sendable () -> Void
    ) {
        guard !addresses.isEmpty else { return completion() }
        let body = RegisterBrokerBody(topicConfigTable: announced(table))
        let bytes: [UInt8]
        do {
            bytes = configuration.compressedRegister ? try body.compressed() : body.body
        } catch {
            broker.logger.error("cannot compress the registration: \(error)")
            return completion()
        }
        let header = RegisterBrokerHeader(
            brokerName: configuration.brokerName, brokerAddress: brokerAddress, clusterName: configuration.brokerClusterName,
            haServerAddress: haAddress, brokerId: configuration.brokerId, isCompressed: configuration.compressedRegister,
            bodyCRC32: CRC32.rocketMQ(bytes))
        let command = RemotingCommand(.registerBroker, header: header, body: bytes)
        send(command, timeout: .milliseconds(configuration.registerTimeoutMilliseconds), completion) { [self] address, response in
            guard response.responseCode == .success else {
                return broker.logger.warning("name server \(address) refused the registration: \(response.responseCode) \(response.remark ?? "")")
            }
            takeOrder(response)
            accepted()
        }
    }

    /// The order configuration that a name server keeps decides which topics are ordered.
    private func takeOrder(_ response: RemotingCommand) {
        guard !response.body.isEmpty, let table = try? KeyValueTable(body: response.body) else { return }
        if broker.topics.setOrdered(Set(table.table.keys)) { broker.files.later(.topics) }
    }

    /// A broker that may not be read or not be written says so for every topic.
    private func announced(_ table: TopicConfigTable) -> TopicConfigTable {
        let permission = Permission(rawValue: broker.live.current.brokerPermission)
        guard !permission.isSuperset(of: .readWrite) else { return table }
        var table = table
        table.topics = table.topics.mapValues { topic in
            TopicConfig(
                topicName: topic.topicName, readQueueCount: topic.readQueueCount, writeQueueCount: topic.writeQueueCount, permission: permission)
        }
        return table
    }

    /// Takes this broker off all name servers.
    func unregister(completion: @escaping @Sendable () -> Void) {
        guard !addresses.isEmpty else { return completion() }
        let header = UnregisterBrokerHeader(
            brokerName: configuration.brokerName, brokerAddress: brokerAddress, clusterName: configuration.brokerClusterName,
            brokerId: configuration.brokerId)
        send(RemotingCommand(.unregisterBroker, header: header), timeout: .seconds(3), completion) { _, _ in }
    }

    private func send(
        _ command: RemotingCommand, timeout: Duration, _ completion: @escaping @Sendable () -> Void,
        _ succeeded: @escaping @Sendable (_ address: String, RemotingCommand) -> Void
    ) {
        let remaining = RemainingCount(addresses.count, completion)
        for address in addresses {
            client.send(command, to: address, timeout: timeout) { [broker] result in
                switch result {
                case .success(let response): succeeded(address, response)
                case .failure(let error): broker.logger.warning("name server \(address): \(error)")
                }
                remaining.step()
            }
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

enum HostText {
    /// `host:port`, with brackets around an IPv6 address.
    static func joined(_ host: String, _ port: UInt16) -> String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
