import RMQCommon
import RMQRemoting

/// Codes 105, 106, 205, 216 and 327: where topics are, and what may be done with them there.
enum RouteRequests {
    /// 105. The form of the body follows what the asking client can read.
    static func route(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        let server = caller.server, environment = server.productEnvironment
        let topic = command.fields?["topic"] ?? "null"
        // Cluster-test mode always attaches the order configuration and always writes the old form.
        let sendsOrderTopics = environment != nil || server.configuration.current.orderMessageEnable
        let key = RouteReplyCache.Key(topic: topic, isStandardJSON: environment == nil && readsStandardJSON(command))
        let orderTopics = sendsOrderTopics ? server.keyValues.table.namespaces[NamespaceTable.orderTopics] ?? [:] : nil
        let state = RouteReplyCache.State(routes: server.routes.generation, orderTopics: orderTopics)
        let body = caller.routeReplies.body(for: key, in: state) {
            guard var route = server.routes.table.route(of: topic) else { return nil }
            route.orderTopicConfiguration = orderTopics?[topic]?.text
            return route.json.bytes(key.isStandardJSON ? .browserCompatible : .fastjson)
        }
        if let body { return .response(.success, body: body) }
        guard let environment else { return .now(notFound(topic)) }
        return .later { reply in
            environment.route(of: topic) { found in
                reply.complete(found.map { .response(.success, body: $0.body) } ?? notFound(topic))
            }
        }
    }

    /// From 4.9.4 on; before, clients only understood bare numbers as keys.
    private static func readsStandardJSON(_ command: RemotingCommand) -> Bool {
        command.protocolVersion >= .v4_9_4 || command.fields?["acceptStandardJsonOnly"].flatMap(Bool.init(headerText:)) == true
    }

    private static func notFound(_ topic: String) -> RemotingCommand {
        .response(
            .topicNotExist,
            remark: """
                No topic route info in name server for the topic: \(topic)
                See http://rocketmq.apache.org/docs/faq/ for further details.
                """)
    }

    /// 106.
    static func clusterInfo(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        .response(.success, body: caller.server.routes.table.clusterInfo.body)
    }

    /// 205.
    static func wipeWritePermission(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        let broker = try command.header(BrokerNameHeader.self).brokerName
        let count = caller.server.routes.setPermission(of: broker) { $0.subtracting(.write) }
        caller.server.logger.info("wipe write perm of broker[\(broker)], client: \(caller.connection.remote), \(count)")
        return .response(.success, header: WipeWritePermissionResponseHeader(wipedTopicCount: count))
    }

    /// 327. Bits other than read and write are lost, as at the reference.
    static func addWritePermission(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        let broker = try command.header(BrokerNameHeader.self).brokerName
        let count = caller.server.routes.setPermission(of: broker) { _ in .readWrite }
        caller.server.logger.info("add write perm of broker[\(broker)], client: \(caller.connection.remote), \(count)")
        return .response(.success, header: AddWritePermissionResponseHeader(addedTopicCount: count))
    }

    /// 216.
    static func deleteTopic(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        let header = try command.header(DeleteTopicInNameServerHeader.self)
        let cluster = header.clusterName.flatMap { $0.isEmpty ? nil : $0 }
        caller.server.routes.change { $0.deleteTopic(header.topic, cluster: cluster) }
        return .response(.success)
    }
}
