import RMQCommon

/// The topics that every broker has from its first start.
enum BuiltInTopics {
    static func configs(_ configuration: BrokerConfiguration) -> [TopicConfig] {
        var topics = [
            topic(SystemTopic.selfTest, queues: 1),
            topic(SystemTopic.benchmark, queues: 1_024),
            topic(configuration.brokerClusterName, queues: 16, permission: configuration.clusterTopic ? 7 : 1),
            topic(configuration.brokerName, queues: 1, permission: configuration.brokerTopic ? 7 : 1),
            topic(SystemTopic.offsetMoved, queues: 1),
            topic(SystemTopic.schedule, queues: 18),
            topic(SystemTopic.reply(cluster: configuration.brokerClusterName), queues: 1),
        ]
        if configuration.autoCreateTopic { topics.append(template(configuration)) }
        if configuration.traceTopic { topics.append(topic(configuration.traceTopicName, queues: 1)) }
        return topics
    }

    /// What topics are like that are made by use.
    static func template(_ configuration: BrokerConfiguration) -> TopicConfig {
        topic(SystemTopic.autoCreate, queues: configuration.defaultTopicQueues, permission: 7)
    }

    private static func topic(_ name: String, queues: Int32, permission: Int32 = 6) -> TopicConfig {
        TopicConfig(topicName: name, readQueueCount: queues, writeQueueCount: queues, permission: Permission(rawValue: permission))
    }

    static func systemNames(_ configuration: BrokerConfiguration) -> Set<ByteText> {
        var names = SystemTopic.names
        names.insert(configuration.brokerClusterName)
        names.insert(configuration.brokerName)
        names.insert(SystemTopic.reply(cluster: configuration.brokerClusterName))
        if configuration.traceTopic { names.insert(configuration.traceTopicName) }
        return names
    }
}
