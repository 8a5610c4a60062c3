import RMQCommon
import RMQFilter
import RMQRemoting

/// Codes 34, 35, 38, 46: who is connected.
enum ClientRequests {
    static func heartbeat(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let heartbeat = try HeartbeatData(body: command.body)
        guard heartbeat.producers.count + heartbeat.consumers.count <= ClientLimit.groupsPerHeartbeat else {
            throw Refusal(.systemError, "a heartbeat may name \(ClientLimit.groupsPerHeartbeat) groups")
        }
        let named = [heartbeat.clientId] + heartbeat.producers.map(\.group) + heartbeat.consumers.map(\.group)
        if let long = named.first(where: { !ClientLimit.allows(group: $0) }) {
            throw Refusal(
                .systemError, "clientID and groups of a heartbeat have at most \(ClientLimit.groupNameLength) characters; \(long.prefix(bytes: 32))… is longer")
        }
        let broker = caller.broker
        let channel = ClientChannel(
            connection: caller.connection.handle, clientId: heartbeat.clientId, language: command.language, version: command.version,
            lastUpdate: caller.connection.loop.now)
        let limit = caller.loop.settings.configuration.maxGroups
        for consumer in heartbeat.consumers {
            if let config = broker.group(consumer.group) { broker.addRetryTopic(of: config, isUnit: consumer.unitMode) }
            broker.clients.register(channel, consumer, limit: limit)
        }
        for producer in heartbeat.producers { broker.clients.register(channel, producer, limit: limit) }
        // Soon: after a crash, what bit maps say must be known.
        if broker.filters.haveChanged { broker.files.later(.filters) }
        return .response(.success)
    }

    static func unregister(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(UnregisterClientHeader.self)
        let clients = caller.broker.clients
        if let group = header.producerGroup { clients.unregister(connection: caller.connection.id, producersOf: group) }
        if let group = header.consumerGroup { clients.unregister(connection: caller.connection.id, consumersOf: group) }
        return .response(.success)
    }

    static func consumerIds(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let group = try command.header(ConsumerGroupHeader.self).consumerGroup
        guard let ids = caller.broker.clients.consumers[group]?.clientIds, !ids.isEmpty else {
            throw Refusal(.systemError, "no consumer for this group, \(group)")
        }
        return .response(.success, body: ConsumerIdList(ids.sortedByBytes()).body)
    }

    static func checkConfiguration(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        guard !command.body.isEmpty else { return .response(.success) }
        let request = try JSONValue(parsing: command.body)
        guard let subscription = try request.asObject?.part("subscriptionData")?.requireObject("subscriptionData") else {
            return .response(.success)
        }
        let type = try subscription.string("expressionType", default: "TAG")
        // The reference takes every tag expression.
        if type.isEmpty || type.isExactly("TAG") { return .response(.success) }
        guard caller.loop.settings.configuration.filtersByExpression, type.isExactly(ConsumerFilter.type) else {
            throw Refusal.unsupportedFilter(of: type.prefix(bytes: 64))
        }
        let text = try subscription.string("subString", default: "")
        do throws(SQLExpressionError) {
            _ = try SQLExpression(text)
        } catch {
            throw Refusal(.subscriptionParseFailed, "\(error)")
        }
        return .response(.success)
    }
}
