import RMQCommon
import RMQRemoting

/// Codes 206, 224, 304, 311, 312 and 313: lists of names.
enum TopicRequests {
    /// 206.
    static func all(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply { list(caller.server.routes.table.topicNames) }

    /// 224.
    static func ofCluster(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        list(caller.server.routes.table.topicNames(ofCluster: try command.header(ClusterHeader.self).cluster))
    }

    /// 304: where the asker finds the rest, the system topics of a broker, is in the answer too.
    static func system(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        let routes = caller.server.routes.table
        return list(routes.systemTopicNames, brokerAddress: routes.anyAddress)
    }

    /// 311.
    static func unit(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply { list(caller.server.routes.table.unitTopicNames) }

    /// 312.
    static func unitSubscription(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        list(caller.server.routes.table.unitSubscriptionTopicNames)
    }

    /// 313.
    static func unitSubscriptionOnly(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        list(caller.server.routes.table.unitSubscriptionOnlyTopicNames)
    }

    private static func list(_ names: [String], brokerAddress: String? = nil) -> Reply {
        let list = TopicList {
            $0.topics = names
            $0.brokerAddress = brokerAddress
        }
        return .response(.success, body: list.body)
    }
}
