import RMQCommon
import RMQRemoting

/// One connection of a client that said in a heartbeat who it is.
struct ClientChannel: Sendable {
    let connection: ConnectionHandle
    var clientId: String
    var language: LanguageCode
    var version: Int32
    /// Milliseconds since 1970 of the last heartbeat.
    var lastUpdate: Int64

    var description: ClientConnection {
        ClientConnection(clientId: clientId, address: connection.remote.description, language: language, version: version)
    }
}

/// Most groups that one connection's heartbeats may name in all, so that one client cannot fill the tables.
enum ClientLimit {
    static let groupsPerHeartbeat = 1_024
    static let groups = 65_536
    static let subscriptionsPerGroup = 4_096
    /// A client that sent no heartbeat for so long is gone.
    static let silence: Duration = .seconds(120)
}
