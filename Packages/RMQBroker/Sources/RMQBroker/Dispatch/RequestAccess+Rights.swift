import RMQCommon
import RMQRemoting

/// What the rows of ``BrokerRequests`` ask, as the reference's access control does.
extension RequestAccess {
    /// To publish to the topic in a header field, or, when that is a group's retry topic, to consume as the group.
    /// - Parameter group: the field with the group then.
    static func publishing(_ topic: String, retryOf group: String) -> RequestAccess {
        .rights { publishingRights($0, topic, retryOf: group) }
    }

    private static func publishingRights(_ command: RemotingCommand, _ topic: String, retryOf group: String) -> [ResourceRight] {
        guard let name = command.fields?[topic] else { return [] }
        guard RetryTopic.isRetry(name) else { return [ResourceRight(.publish, topic: name)] }
        return (command.fields?[group]).map { [ResourceRight(.subscribe, group: $0)] } ?? []
    }

    /// To publish a reply. The reference asks nothing of it, so replies could be written to any topic; here nothing is asked for
    /// the topics of replies alone, since accounts that could reply so far have no right to those.
    static func replying(_ topic: String, retryOf group: String) -> RequestAccess {
        .rights { command in
            if command.fields?[topic]?.hasByteSuffix(SystemTopic.reply(cluster: "")) == true { return [] }
            return publishingRights(command, topic, retryOf: group)
        }
    }

    /// To consume the topic, as the group, that header fields name; absent ones ask nothing.
    static func subscribing(topic: String? = nil, group: String? = nil) -> RequestAccess {
        .rights { command in
            let topic = topic.flatMap { command.fields?[$0] }.map { ResourceRight(.subscribe, topic: $0) }
            let group = group.flatMap { command.fields?[$0] }.map { ResourceRight(.subscribe, group: $0) }
            return [topic, group].compactMap(\.self)
        }
    }

    /// To consume, as each consumer group of the body, each of its topics.
    static var heartbeat: RequestAccess {
        .rights { command in
            try HeartbeatData(body: command.body).consumers.flatMap { consumer in
                [ResourceRight(.subscribe, group: consumer.group)]
                    + consumer.subscriptions.map { ResourceRight(.subscribe, topic: $0.topic) }
            }
        }
    }
}
