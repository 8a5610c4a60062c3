import RMQCommon
import RMQRemoting

/// Where the requests of one loop's connections arrive, on the loop's thread.
///
///     NameServerRequests.table ─► access control, or whether it is from this machine ─► handler ─► Reply: now, later or elsewhere
///
/// A code that is not served gets no answer at all, as at the reference.
final class NameServerHandler: RequestHandler {
    private let server: NameServerState
    private let routeReplies = RouteReplyCache()

    init(server: NameServerState) { self.server = server }

    func receive(_ request: InboundFrame, on connection: Connection) {
        let command: RemotingCommand
        do {
            command = try request.command()
        } catch {
            server.logger.warning("closing \(connection.remote): \(error)")
            connection.close()
            return
        }
        server.logger.debug("receive request, \(command.code) \(connection.remote) \(command)")
        guard let row = NameServerRequests.table[command.requestCode], case .served(let handle) = row.work else { return }
        connection.answer(request) {
            try server.accessControl?.check(command, needing: row.access, from: connection.remote)
            if row.isAdministration {
                let listener = server.configuration.current.listener
                try listener.checkAdministration(row.code, from: connection.remote, accessControl: server.accessControl)
            }
            let caller = RequestCaller(
                connection: connection, byteCount: request.header.count + request.body.count, server: server, routeReplies: routeReplies)
            return try handle(command, caller)
        }
    }

    func connectionClosed(_ connection: Connection) { server.routes.connectionClosed(connection.handle) }
}

/// Who asks, and whom.
struct RequestCaller {
    let connection: Connection
    /// Of the request: what it takes while it waits.
    let byteCount: Int
    let server: NameServerState
    /// Of the connection's loop.
    let routeReplies: RouteReplyCache
}
