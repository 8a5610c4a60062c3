import RMQCommon
import RMQRemoting

/// Codes 206, 224, 304, 311, 312 and 313: lists of names.
extension NameServerHandler {
    func topicList(_ names: [String], brokerAddress: String? = nil) -> RemotingCommand {
        .response(.success, body: TopicList(names, brokerAddress: brokerAddress).body)
    }

    /// 224.
    func topicsByCluster(_ command: RemotingCommand) throws -> RemotingCommand {
        topicList(core.routes.topicNames(ofCluster: try command.header(ClusterHeader.self).cluster))
    }

    /// 304: where the asker finds the rest, the system topics of a broker, is in the answer too.
    func systemTopics() -> RemotingCommand {
        let routes = core.routes
        return topicList(routes.systemTopicNames, brokerAddress: routes.anyAddress)
    }
}
