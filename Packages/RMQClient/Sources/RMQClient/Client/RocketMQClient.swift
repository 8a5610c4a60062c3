import RMQCommon
import RMQRemoting

/// The connections, routes and heartbeats that producers, consumers and admin calls share.
///
/// ```swift
/// try await withRocketMQClient(.init(nameServers: ["127.0.0.1:9876"])) { client in
///     let producer = try await client.makeProducer(group: "orders-api")
///     let result = try await producer.send(Message(topic: "Orders", text: "hello", tags: "created"))
///     print(result.messageId, result.queue)
/// }
/// ```
///
/// Nothing is opened until something is asked for. Background work (heartbeats, route refresh) runs in one task
/// from the first producer or consumer on until `shutdown`, which every client needs: `withRocketMQClient` calls it.
/// One client serves a whole process; a group has one producer and one consumer in it at most.
public final class RocketMQClient: Sendable {
    let core: ClientCore
    let maintenance: Maintenance

    /// - Throws: `noNameServer` or `invalidConfiguration`. A name server that is down is no error: it is needed when something is sent.
    public init(_ configuration: Configuration) throws(ClientError) {
        try configuration.check()
        core = try ClientCore(checked: configuration)
        maintenance = Maintenance(core: core)
    }

    /// How brokers know this client: address, instance and, between them, `@`.
    public var clientId: String { core.clientId }

    /// The namespace of its topics and groups; nil for none.
    public var namespace: String? { core.namespace.isNone ? nil : core.namespace.name }

    /// `host:port` of the name servers that are asked at present; empty as long as they are still to be looked up.
    public var nameServers: [String] { core.nameServerAddresses }

    /// Asks other name servers from now on. Connections to brokers stay.
    ///
    /// The one that is asked at present goes on being asked if it is among them.
    /// - Throws: `invalidConfiguration` for an empty list and for what is not `host:port`; the list then stays as it was.
    public func updateNameServers(_ addresses: [String]) throws(ClientError) {
        guard !addresses.isEmpty else { throw ClientError(.invalidConfiguration, "the new list of name servers is empty") }
        for address in addresses { try Configuration.checkAddress(address, in: "the new list of name servers") }
        core.updateNameServers(addresses)
    }

    /// Admin calls over this client's connections. They take topics and groups by their bare names, as its producers and consumers do.
    public var admin: Admin { Admin(core: core) }

    /// A producer of `group`; the group must be new to this client.
    public func makeProducer(group: String, _ configuration: ProducerConfiguration = .init()) async throws(ClientError) -> Producer {
        let group = try wrapped(group, .producer)
        try configuration.check()
        guard !core.isClosed else { throw .closedClient }
        guard core.groups.addProducer(group) else { throw Self.taken(core.namespace.unwrap(group), "producer") }
        maintenance.start()
        return Producer(group: group, configuration: configuration, core: core)
    }

    /// A consumer of `group`, not yet running; the group must be new to this client.
    public func makePushConsumer(group: String, _ configuration: ConsumerConfiguration = .init()) async throws(ClientError) -> PushConsumer {
        try configuration.check()
        let consumer = try register(group) { (group) throws(ClientError) in
            try PushConsumer(group: group, configuration: configuration, core: core)
        }
        core.warnOfOffsets(of: group, configuration.model)
        return consumer
    }

    /// Makes a consumer and has it announced from its start on.
    /// - Parameter make: is given the group as brokers know it.
    func register<Consumer: ConsumerMember>(
        _ group: String, _ make: (String) throws(ClientError) -> Consumer
    ) throws(ClientError) -> Consumer {
        let group = try wrapped(group, .consumer)
        guard !core.isClosed else { throw .closedClient }
        let consumer = try make(group)
        guard core.groups.add(consumer) else { throw Self.taken(core.namespace.unwrap(group), "consumer") }
        maintenance.start()
        return consumer
    }

    /// Closes consumers and producers, lets running handlers finish for at most `gracePeriod`, and closes all connections.
    public func shutdown(gracePeriod: Duration = .seconds(10)) async {
        await withDiscardingTaskGroup { closing in
            for consumer in core.groups.consumers { closing.addTask { await consumer.close(gracePeriod: gracePeriod) } }
        }
        await withDiscardingTaskGroup { closing in
            for producer in core.transactionProducers.all { closing.addTask { await producer.close(gracePeriod: gracePeriod) } }
        }
        await withDiscardingTaskGroup { closing in
            for group in core.groups.producers { closing.addTask { await self.core.unregister(producerGroup: group) } }
        }
        // Last, since all others are traced.
        await core.tracer?.close(via: core)
        await maintenance.stop()
        core.close()
    }

    /// A group as brokers know it.
    func wrapped(_ group: String, _ role: Validation.Role) throws(ClientError) -> String {
        try Validation.checkGroup(group, role: role)
        let known = core.namespace.wrap(group)
        try Validation.checkGroup(known)
        return known
    }

    static func taken(_ group: String, _ role: String) -> ClientError {
        ClientError(.groupAlreadyRegistered, "this client already has a \(role) of group \(group); use that one, or another client or group")
    }
}

/// Makes a client, runs `body` with it and shuts it down, whatever happens.
/// - Throws: what `body` throws, and a ``ClientError`` when the configuration is wrong.
@discardableResult
public func withRocketMQClient<Result: Sendable>(
    _ configuration: RocketMQClient.Configuration, isolation: isolated (any Actor)? = #isolation,
    _ body: (RocketMQClient) async throws -> Result
) async throws -> Result {
    let client = try RocketMQClient(configuration)
    do {
        let result = try await body(client)
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}
