import RMQCommon
import RMQRemoting

/// Codes 103, 104 and 322: what a broker says of itself.
enum RegistrationRequests {
    /// 103.
    static func register(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        let header = try command.header(RegisterBrokerHeader.self)
        if header.bodyCRC32 != 0, CRC32.rocketMQ(command.body) != header.bodyCRC32 {
            caller.server.logger.warning("receive registerBroker request,crc32 not match,from \(caller.connection.remote)")
            throw Refusal(.systemError, "crc32 not match")
        }
        let registered = try caller.server.routes.register(Registration(header, command), from: caller.connection.handle)
        return .response(
            .success,
            header: RegisterBrokerResponseHeader(haServerAddress: registered.haServerAddress, masterAddress: registered.masterAddress),
            body: caller.server.keyValues.table.json(ofNamespace: NamespaceTable.orderTopics)?.bytes(.fastjson) ?? [])
    }

    /// 104.
    static func unregister(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        let header = try command.header(UnregisterBrokerHeader.self)
        caller.server.routes.change {
            $0.unregister(
                cluster: header.clusterName, brokerName: header.brokerName, brokerId: header.brokerId, address: header.brokerAddress)
        }
        return .response(.success)
    }

    /// 322.
    static func queryDataVersion(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        let header = try command.header(QueryDataVersionHeader.self)
        guard !command.body.isEmpty else { throw Refusal(.systemError, "the body with the data version is missing") }
        let version = try DataVersion(body: command.body)
        let (isChanged, stored) = caller.server.routes.compareVersion(of: header.brokerAddress, with: version)
        return .response(.success, header: QueryDataVersionResponseHeader(isChanged: isChanged), body: stored?.body ?? [])
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
