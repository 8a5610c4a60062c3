import RMQCommon
import RMQRemoting
import RMQStore

/// Codes 17, 21, 202, 215, 305, 316: topics.
enum TopicAdmin {
    static func update(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        try broker.requireTablesOfItsOwn()
        let header = try command.header(CreateTopicHeader.self)
        let name = try changeableTopic(header.topic, broker)
        guard (0...TopicLimit.queues).contains(header.readQueueCount), (0...TopicLimit.queues).contains(header.writeQueueCount) else {
            throw Refusal(.systemError, "a topic has 0 to \(TopicLimit.queues) read and write queues")
        }
        let config = TopicConfig(
            topicName: name, readQueueCount: header.readQueueCount, writeQueueCount: header.writeQueueCount,
            permission: header.permission, filterType: header.filterType, systemFlag: header.systemFlag ?? 0)
        let version = broker.topics.put(config)
        do {
            try broker.files.write(.topics, orTell: "topic[\(name)]")
        } catch {
            // It is in force, so clients may find it.
            broker.registration?.registerSoon()
            throw error
        }
        guard let registration = broker.registration, let loop = broker.loops.all.first?.loop else { return .response(.success) }
        return .later { reply in
            let answer = FirstCall { reply.complete(.response(.success)) }
            registration.register(config, version: version) { answer() }
            // A name server that hangs hears of the topic later.
            loop.schedule(after: .milliseconds(broker.live.current.registerTimeoutMilliseconds)) { answer() }
        }
    }

    static func delete(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        try broker.requireTablesOfItsOwn()
        let name = try changeableTopic(command.header(TopicHeader.self).topic, broker)
        // The table first: with the messages gone, a topic that came back at the next start would be a surprise.
        if broker.topics.remove(name) {
            broker.registration?.registerSoon()
            try broker.files.write(.topics, orTell: "the deletion of topic[\(name)]")
        }
        try deleteQueues(of: [name], broker)
        return .response(.success)
    }

    /// A name that is one, of a topic that is not the system's.
    private static func changeableTopic(_ text: String, _ broker: BrokerState) throws -> String {
        let name: TopicName
        do {
            name = try TopicName(text)
        } catch {
            throw Refusal(.systemError, "\(error)")
        }
        guard !name.isSystem, !broker.topics.systemTopics.contains(name.text) else {
            throw Refusal(.systemError, "The topic[\(name)] is conflict with system topic.")
        }
        return name.text
    }

    static func all(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        .response(.success, body: broker.topics.body)
    }

    static func statistics(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let name = try command.header(TopicHeader.self).topic
        guard let topic = broker.topics[name] else { throw Refusal(.topicNotExist, "topic[\(name.prefix(bytes: 255))] not exist") }
        var queues: [MessageQueue: TopicStatsTable.Range] = [:]
        for queueId in 0..<max(topic.config.writeQueueCount, 0) {
            let queue = MessageQueue(topic: name, brokerName: broker.live.current.brokerName, queueId: queueId)
            var range = TopicStatsTable.Range()
            if let stored = broker.store.queue(topic: name, queueId: queueId) {
                range.minOffset = max(stored.minOffset, 0)
                range.maxOffset = max(stored.maxOffset, 0)
                if range.maxOffset > 0 { range.lastUpdateTimestamp = broker.store.storeTimestamp(stored, offset: range.maxOffset - 1) ?? 0 }
            }
            queues[queue] = range
        }
        return .response(.success, body: TopicStatsTable(queues: queues).body)
    }

    static func systemTopics(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        .response(.success, body: TopicList(broker.topics.systemTopics.sortedTexts).body)
    }

    /// Removes the queues of topics that no longer exist.
    static func cleanUnused(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        try deleteQueues(of: broker.store.topics, broker) { broker.topics[$0] == nil && !broker.topics.systemTopics.contains($0) }
        return .response(.success)
    }

    /// - Parameter isUnwanted: asked for each when its queues go, so that none is deleted that a send has just made a topic again.
    private static func deleteQueues(of topics: [String], _ broker: BrokerState, where isUnwanted: (String) -> Bool = { _ in true }) throws {
        var deleted: [String] = []
        // Also when their files cannot be removed: the store has let go of them.
        defer {
            for topic in deleted {
                broker.topics.forgetQueues(of: topic)
                if broker.live.current.deletesUnusedStatistics { broker.statistics.forgetTopic(topic) }
                broker.logger.info("the queues of \(topic) are removed")
            }
        }
        try broker.store.deleteTopics(topics) { topic in
            guard isUnwanted(topic) else { return false }
            deleted.append(topic)
            return true
        }
    }
}
