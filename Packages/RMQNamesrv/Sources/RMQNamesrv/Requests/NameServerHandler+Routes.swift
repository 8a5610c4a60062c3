import RMQCommon
import RMQRemoting

/// Codes 103, 104, 105, 106, 205, 216, 322 and 327.
extension NameServerHandler {
    /// 105. The form of the body follows what the asking client can read.
    func route(_ command: RemotingCommand, _ reply: @autoclosure () -> ReplyHandle) -> RemotingCommand? {
        let topic = command.fields?["topic"] ?? "null"
        let environment = core.productEnvironment
        // Cluster-test mode always attaches the order configuration and always writes the old form.
        let sendsOrderTopics = environment != nil || core.configuration.orderMessageEnable
        let key = RouteReplyCache.Key(topic: topic, isStandardJSON: environment == nil && readsStandardJSON(command))
        let orderTopics = sendsOrderTopics ? core.keyValues.namespaces[KeyValueTable.orderTopics] ?? [:] : nil
        let state = RouteReplyCache.State(routes: core.routeGeneration, orderTopics: orderTopics)
        let body = routeReplies.body(for: key, in: state) {
            guard var route = core.routes.route(of: topic) else { return nil }
            route.orderTopicConfiguration = orderTopics?[topic]?.text
            return route.json.bytes(key.isStandardJSON ? .browserCompatible : .fastjson)
        }
        if let body { return .response(.success, body: body) }
        guard let environment else { return .routeNotFound(topic) }
        let reply = reply()
        environment.route(of: topic) { found in
            reply.complete(found.map { .response(.success, body: $0.body) } ?? .routeNotFound(topic))
        }
        return nil
    }

    /// From 4.9.4 on; before, clients only understood bare numbers as keys.
    private func readsStandardJSON(_ command: RemotingCommand) -> Bool {
        command.protocolVersion >= .v4_9_4 || command.fields?["acceptStandardJsonOnly"].flatMap(Bool.init(headerText:)) == true
    }

    /// 103.
    func register(_ command: RemotingCommand, _ connection: Connection) throws -> RemotingCommand {
        let header = try command.header(RegisterBrokerHeader.self)
        if header.bodyCRC32 != 0, CRC32.rocketMQ(command.body) != header.bodyCRC32 {
            core.logger.warning("receive registerBroker request,crc32 not match,from \(connection.remote)")
            return .response(.systemError, remark: "crc32 not match")
        }
        let registered = try core.register(Registration(header, command), from: connection.handle)
        return .response(
            .success,
            header: RegisterBrokerResponseHeader(haServerAddress: registered.haServerAddress, masterAddress: registered.masterAddress),
            body: core.keyValues.json(ofNamespace: KeyValueTable.orderTopics)?.bytes(.fastjson) ?? [])
    }

    /// 104.
    func unregister(_ command: RemotingCommand) throws -> RemotingCommand {
        let header = try command.header(UnregisterBrokerHeader.self)
        core.changeRoutes {
            $0.unregister(
                cluster: header.clusterName, brokerName: header.brokerName, brokerId: header.brokerId, address: header.brokerAddress)
        }
        return .response(.success)
    }

    /// 322.
    func queryDataVersion(_ command: RemotingCommand) throws -> RemotingCommand {
        let header = try command.header(QueryDataVersionHeader.self)
        guard !command.body.isEmpty else { return .response(.systemError, remark: "the body with the data version is missing") }
        let version = try DataVersion(body: command.body)
        let (isChanged, stored) = core.compareVersion(of: header.brokerAddress, with: version)
        return .response(.success, header: QueryDataVersionResponseHeader(isChanged: isChanged), body: stored?.body ?? [])
    }

    /// 106.
    func clusterInfo() -> RemotingCommand {
        .response(.success, body: core.routes.clusterInfo.body)
    }

    /// 205.
    func wipeWritePermission(_ command: RemotingCommand, _ connection: Connection) throws -> RemotingCommand {
        let broker = try command.header(BrokerNameHeader.self).brokerName
        let count = core.setPermission(of: broker) { $0.subtracting(.write) }
        core.logger.info("wipe write perm of broker[\(broker)], client: \(connection.remote), \(count)")
        return .response(.success, header: WipeWritePermissionResponseHeader(wipedTopicCount: count))
    }

    /// 327. Bits other than read and write are lost, as at the reference.
    func addWritePermission(_ command: RemotingCommand, _ connection: Connection) throws -> RemotingCommand {
        let broker = try command.header(BrokerNameHeader.self).brokerName
        let count = core.setPermission(of: broker) { _ in .readWrite }
        core.logger.info("add write perm of broker[\(broker)], client: \(connection.remote), \(count)")
        return .response(.success, header: AddWritePermissionResponseHeader(addedTopicCount: count))
    }

    /// 216.
    func deleteTopic(_ command: RemotingCommand) throws -> RemotingCommand {
        let header = try command.header(DeleteTopicInNameServerHeader.self)
        let cluster = header.clusterName.flatMap { $0.isEmpty ? nil : $0 }
        core.changeRoutes { $0.deleteTopic(header.topic, cluster: cluster) }
        return .response(.success)
    }
}

extension Registration {
    /// What header and body of a registration say together.
    fileprivate init(_ header: RegisterBrokerHeader, _ command: RemotingCommand) throws {
        let table: TopicConfigTable
        var servers: [String]?
        if command.body.isEmpty {
            table = TopicConfigTable(topics: [:], dataVersion: DataVersion(timestamp: 0))
        } else if command.protocolVersion < .v3_0_11 {
            table = try TopicConfigTable(body: command.body)
        } else if header.isCompressed {
            let body = try RegisterBrokerBody(compressed: command.body)
            table = body.topicConfigTable
            servers = body.filterServers
        } else {
            let json = try JSONValue(parsing: command.body)
            let body = try RegisterBrokerBody(json: json)
            table = body.topicConfigTable
            servers = json["filterServerList"] == nil ? nil : body.filterServers
        }
        self.init(
            cluster: header.clusterName, brokerName: header.brokerName, brokerId: header.brokerId,
            address: header.brokerAddress, haServerAddress: header.haServerAddress,
            dataVersion: table.dataVersion, topics: Array(table.topics.values), filterServers: servers)
    }
}

extension RemotingCommand {
    static func routeNotFound(_ topic: String) -> RemotingCommand {
        .response(
            .topicNotExist,
            remark: """
                No topic route info in name server for the topic: \(topic)
                See http://rocketmq.apache.org/docs/faq/ for further details.
                """)
    }
}
