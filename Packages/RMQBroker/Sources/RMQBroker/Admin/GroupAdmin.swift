import RMQCommon
import RMQRemoting

/// Codes 200, 201, 203, 204, 207, 300, 328: groups and their members.
enum GroupAdmin {
    static func update(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        try broker.requireTablesOfItsOwn()
        let config = try SubscriptionGroupConfig(body: command.body)
        guard ClientLimit.allows(group: config.groupName) else {
            throw Refusal(.systemError, "a group's name has at most \(ClientLimit.groupNameLength) characters")
        }
        broker.groups.put(config)
        try broker.files.write(.groups, orTell: "group \(config.groupName)")
        return .response(.success)
    }

    static func all(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        .response(.success, body: broker.groups.table.body)
    }

    static func delete(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        try broker.requireTablesOfItsOwn()
        let header = try command.header(DeleteSubscriptionGroupHeader.self)
        // Both are in force before either file is written: one that cannot be leaves no half of what was asked for.
        let wasThere = broker.groups.remove(header.group)
        if header.removesOffsets { broker.offsets.remove(group: header.group) }
        if broker.live.current.deletesUnusedStatistics { broker.statistics.forgetGroup(header.group) }
        if wasThere { try broker.files.write(.groups, orTell: "the deletion of group \(header.group.prefix(bytes: 255))") }
        if header.removesOffsets {
            try broker.files.write(.offsets, orTell: "the deletion of the offsets of group \(header.group.prefix(bytes: 255))")
        }
        return .response(.success)
    }

    static func consumerConnections(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let name = try command.header(ConsumerGroupHeader.self).consumerGroup
        guard let group = broker.clients.consumers[name] else {
            throw Refusal(.consumerNotOnline, "the consumer group[\(name.prefix(bytes: 255))] not online")
        }
        let body = ConsumerConnection {
            $0.connections = group.channels.values.map(\.asConnection)
            $0.subscriptions = group.subscriptions
            $0.consumeType = group.consumeType
            $0.messageModel = group.messageModel
            $0.consumeFromWhere = group.consumeFromWhere
        }
        return .response(.success, body: body.body)
    }

    static func producerConnections(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let name = try command.header(ProducerGroupHeader.self).producerGroup
        guard let channels = broker.clients.producers.channels(of: name) else {
            throw Refusal(.systemError, "the producer group[\(name.prefix(bytes: 255))] not exist")
        }
        return .response(.success, body: ProducerConnection(connections: channels.map(\.asConnection)).body)
    }

    static func allProducers(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        // What the clock shows now, less the time that has passed.
        let (today, now) = (broker.clocks.wall.now(), broker.clocks.monotonic.now())
        let groups = broker.clients.producers.all.mapValues { channels in
            channels.map { channel in
                ProducerTableInfo.Producer {
                    $0.clientId = channel.clientId
                    $0.remoteAddress = "/" + channel.connection.remote.description
                    $0.language = channel.language
                    $0.version = channel.version
                    $0.lastUpdateTimestamp = today - (now - channel.lastUpdate).milliseconds
                }
            }
        }
        return .response(.success, body: ProducerTableInfo(groups: groups).body)
    }

    /// Those who subscribe to the topic now, and those who once committed an offset in it.
    static func groupsOfTopic(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let topic = try command.header(TopicHeader.self).topic
        let groups = Set<ByteText>(texts: broker.clients.consumers.groups(subscribingTo: topic) + broker.offsets.groups(of: topic))
        let body: JSONValue = ["groupList": .array(groups.sortedTexts.map { .string($0) })]
        return .response(.success, body: body.bytes(.fastjson))
    }
}
