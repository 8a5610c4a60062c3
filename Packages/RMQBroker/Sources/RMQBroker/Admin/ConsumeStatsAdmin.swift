import RMQCommon
import RMQRemoting
import RMQStore

/// Codes 208 and 317: how far groups have consumed.
enum ConsumeStatsAdmin {
    static func ofGroup(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(ConsumeStatsHeader.self)
        let topics: [String]
        if let topic = header.topic, !topic.isBlank {
            topics = [topic]
        } else {
            topics = broker.offsets.topics(of: header.consumerGroup)
        }
        // Members that pull by themselves may subscribe to nothing; then every topic counts.
        let subscriptions = broker.clients.consumers[header.consumerGroup]?.subscriptions ?? [:]
        var queues: [MessageQueue: ConsumeStats.Progress] = [:]
        var perSecond = 0.0
        for name in topics {
            guard let topic = broker.topics[name], subscriptions.isEmpty || subscriptions[name] != nil else { continue }
            queues.merge(progress(of: header.consumerGroup, topic, queueCount: topic.config.readQueueCount, broker)) { $1 }
            perSecond += broker.statistics.pullsPerSecond(group: header.consumerGroup, topic: name)
        }
        let stats = ConsumeStats {
            $0.queues = queues
            $0.consumeTPS = perSecond
        }
        return .response(.success, body: stats.body)
    }

    static func ofBroker(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let onlyOrdered = command.fields?["isOrder"]?.isExactlyIgnoringCase("true") == true
        var groups: [JSONValue] = []
        var difference: Int64 = 0
        for group in broker.groups.names.sortedByBytes() {
            var stats: [JSONValue] = []
            for name in broker.offsets.topics(of: group).sortedByBytes() {
                guard let topic = broker.topics[name], !onlyOrdered || topic.config.isOrdered else { continue }
                let queues = progress(of: group, topic, queueCount: topic.config.writeQueueCount, broker)
                for queue in queues.values { difference &+= queue.brokerOffset - queue.consumerOffset }
                let progress = ConsumeStats {
                    $0.queues = queues
                    $0.consumeTPS = broker.statistics.pullsPerSecond(group: group, topic: name)
                }
                stats.append(progress.json)
            }
            groups.append(.object(JSONObject([(.string(group), .array(stats))])))
        }
        let body: JSONValue = [
            "brokerAddr": .string(broker.storeHost.description), "consumeStatsList": .array(groups), "totalDiff": .integer(difference),
        ]
        return .response(.success, body: body.bytes(.fastjson))
    }

    private static func progress(
        of group: String, _ topic: TopicEntry, queueCount: Int32, _ broker: BrokerState
    ) -> [MessageQueue: ConsumeStats.Progress] {
        let committed = broker.offsets.existing(group: group, topic: topic.config.topicName)?.all ?? [:]
        var queues: [MessageQueue: ConsumeStats.Progress] = [:]
        for queueId in 0..<max(queueCount, 0) {
            let queue = MessageQueue(topic: topic.config.topicName, brokerName: broker.live.current.brokerName, queueId: queueId)
            var progress = ConsumeStats.Progress { $0.consumerOffset = max(committed[queueId] ?? 0, 0) }
            if let stored = broker.store.queue(topic: topic.config.topicName, queueId: queueId) {
                progress.brokerOffset = max(stored.maxOffset, 0)
                if progress.consumerOffset > 0 {
                    progress.lastTimestamp = broker.store.storeTimestamp(stored, offset: progress.consumerOffset - 1) ?? 0
                }
            }
            queues[queue] = progress
        }
        return queues
    }
}
