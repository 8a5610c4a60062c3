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
        core = ClientCore(configuration)
        maintenance = Maintenance(core: core)
    }

    /// How brokers know this client: address, instance and, between them, `@`.
    public var clientId: String { core.clientId }

    /// Admin calls over this client's connections.
    public var admin: Admin { Admin(core: core) }

    /// A producer of `group`; the group must be new to this client.
    public func makeProducer(group: String, _ configuration: ProducerConfiguration = .init()) async throws(ClientError) -> Producer {
        try Validation.checkGroup(group, role: .producer)
        try configuration.check()
        guard !core.isClosed else { throw .closedClient }
        guard core.groups.addProducer(group) else { throw Self.taken(group, "producer") }
        maintenance.start()
        return Producer(group: group, configuration: configuration, core: core)
    }

    /// A consumer of `group`, not yet running; the group must be new to this client.
    public func makePushConsumer(group: String, _ configuration: ConsumerConfiguration = .init()) async throws(ClientError) -> PushConsumer {
        try Validation.checkGroup(group, role: .consumer)
        try configuration.check()
        guard !core.isClosed else { throw .closedClient }
        let consumer = try PushConsumer(group: group, configuration: configuration, core: core)
        guard core.groups.add(consumer) else { throw Self.taken(group, "consumer") }
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

    static func taken(_ group: String, _ role: String) -> ClientError {
        ClientError(.groupAlreadyRegistered, "this client already has a \(role) of group \(group); use that one, or another client or group")
    }
}

/// Makes a client, runs `body` with it and shuts it down, whatever happens.
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
