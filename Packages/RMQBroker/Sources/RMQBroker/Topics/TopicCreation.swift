import RMQCommon
import RMQRemoting

/// Topics that are made by use.
extension BrokerState {
    /// What a topic would be like that a send makes after `template`; nil when that does not allow it.
    func templateConfig(topic: String, template: String, queues: Int32, isUnit: Bool) -> TopicConfig? {
        if let entry = topics[template], !template.isExactly(SystemTopic.autoCreate) || live.current.autoCreateTopic, entry.config.permission.isInherited {
            let count = max(0, min(queues, entry.config.writeQueueCount))
            return TopicConfig(
                topicName: topic, readQueueCount: count, writeQueueCount: count, permission: entry.config.permission.subtracting(.inherit),
                filterType: entry.config.filterType, systemFlag: isUnit ? (RetryTopic.isRetry(topic) ? 2 : 1) : 0)
        }
        guard RetryTopic.isRetry(topic) else { return nil }
        return TopicConfig(topicName: topic, readQueueCount: 1, writeQueueCount: 1, systemFlag: isUnit ? 2 : 0)
    }

    /// The topic of a configuration's name; the first to ask for it makes it, has it saved and tells the name servers.
    func addTopic(_ config: TopicConfig, for reason: @autoclosure () -> String) -> TopicEntry {
        let (entry, newVersion) = topics.add(config)
        if let newVersion {
            clients.log.info("created topic \(config.topicName) with \(config.writeQueueCount) queues for \(reason())")
            files.later(.topics)
            registration?.register(config, version: newVersion)
        }
        return entry
    }

    /// Whether use may make one more topic.
    var hasRoomForTopic: Bool { topics.count < live.current.maxTopics }

    /// Persists the topics and tells the name servers, both soon and elsewhere.
    func topicsChanged() {
        files.later(.topics)
        registration?.registerSoon()
    }
}
