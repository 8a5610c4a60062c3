import RMQCommon
import RMQRemoting

/// What the rows of ``BrokerRequests`` ask, as the reference's access control does.
extension RequestAccess {
    /// To publish to the topic in a header field, or, when that is a group's retry topic, to consume as that group. The reference asks for
    /// the group in another field, which whoever sends chooses.
    static func publishing(_ topic: StaticString) -> RequestAccess { .fields(NamedRights(.publish, topic: topic, group: nil)) }

    /// To publish a reply. The reference asks nothing of it, so replies could be written to any topic; here nothing is asked for
    /// the topics of replies alone, since accounts that could reply so far have no right to those.
    static func replying(_ topic: StaticString) -> RequestAccess {
        let rights = NamedRights(.publish, topic: topic, group: nil)
        return .rights { command in
            if command.fields?[topic.description]?.hasByteSuffix(SystemTopic.reply(cluster: "")) == true { return [] }
            return rights.rights(of: command)
        }
    }

    /// To consume the topic, as the group, that header fields name; absent ones ask nothing.
    static func subscribing(topic: StaticString? = nil, group: StaticString? = nil) -> RequestAccess {
        .fields(NamedRights(.subscribe, topic: topic, group: group))
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
