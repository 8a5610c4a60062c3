import RMQCommon
import RMQRemoting

/// Answers the requests of one loop's connections.
///
/// The table of codes is ``answer(_:_:_:)``; what each does is in the extensions beside this file. A code that is
/// not in the table gets no answer at all, as at the reference.
final class NameServerHandler: RequestHandler {
    let core: NameServerCore
    var routeReplies = RouteReplyCache()

    init(core: NameServerCore) { self.core = core }

    func receive(_ request: InboundRequest, on connection: Connection) {
        let command: RemotingCommand
        do {
            command = try request.command()
        } catch {
            core.logger.warning("closing \(connection.remote): \(error)")
            connection.close()
            return
        }
        core.logger.debug("receive request, \(command.code) \(connection.remote) \(command)")
        do {
            if let response = try answer(command, request, connection) { connection.reply(response, to: request) }
        } catch {
            connection.reply(.response(.systemError, remark: "\(error)"), to: request)
        }
    }

    func connectionClosed(_ connection: Connection) { core.connectionClosed(connection.handle) }

    /// The answer; nil when it comes later or never.
    private func answer(_ command: RemotingCommand, _ request: InboundRequest, _ connection: Connection) throws -> RemotingCommand? {
        switch command.requestCode {
        case .getRouteinfoByTopic: return route(command, connection.replyHandle(for: request))
        case .registerBroker: return try register(command, connection)
        case .queryDataVersion: return try queryDataVersion(command)
        case .unregisterBroker: return try unregister(command)
        case .getBrokerClusterInfo: return clusterInfo()
        case .wipeWritePermOfBroker: return try wipeWritePermission(command, connection)
        case .addWritePermOfBroker: return try addWritePermission(command, connection)
        case .deleteTopicInNamesrv: return try deleteTopic(command)

        case .getAllTopicListFromNameserver: return topicList(core.routes.topicNames)
        case .getTopicsByCluster: return try topicsByCluster(command)
        case .getSystemTopicListFromNs: return systemTopics()
        case .getUnitTopicList: return topicList(core.routes.unitTopicNames)
        case .getHasUnitSubTopicList: return topicList(core.routes.unitSubscriptionTopicNames)
        case .getHasUnitSubUnunitTopicList: return topicList(core.routes.unitSubscriptionOnlyTopicNames)

        case .putKvConfig: putKeyValue(command, connection.replyHandle(for: request))
        case .getKvConfig: return getKeyValue(command)
        case .deleteKvConfig: deleteKeyValue(command, connection.replyHandle(for: request))
        case .getKvlistByNamespace: return keyValues(command)

        case .updateNamesrvConfig: updateConfiguration(command, connection, connection.replyHandle(for: request))
        case .getNamesrvConfig: return .response(.success, body: Array(core.configuration.text.utf8))

        default: break
        }
        return nil
    }
}
