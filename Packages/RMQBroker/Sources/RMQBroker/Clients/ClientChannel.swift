import RMQCommon
import RMQRemoting

/// One connection of a client that said in a heartbeat who it is.
struct ClientChannel: Sendable {
    let connection: ConnectionHandle
    var clientId: String
    var language: LanguageCode
    var version: Int32
    /// When the last heartbeat came.
    var lastUpdate: MonotonicInstant

    var asConnection: ClientConnection {
        ClientConnection {
            $0.clientId = clientId
            $0.address = connection.remote.description
            $0.language = language
            $0.version = version
        }
    }
}

/// What clients may make the tables hold, so that none of them can fill the memory.
enum ClientLimit {
    /// Groups that one heartbeat may name: far more than one client has, few enough to be read on a loop.
    static let groupsPerHeartbeat = 1_024
    /// Topics that a group subscribes to; each is looked through when members change.
    static let subscriptionsPerGroup = 4_096
    /// Longest name of a group, in UTF-16 units as the reference's clients count it: a longer one would only fill tables.
    /// No character is refused: a group names no file but through its retry topic, which the store checks before it makes one.
    static let groupNameLength = 255
    /// Longest topic that offsets are kept for: the retry topic of the longest group, with three bytes for each unit of its name.
    static let topicBytesOfOffsets = RetryTopic.prefix.utf8.count + 3 * groupNameLength
    /// A client that sent no heartbeat for so long is gone.
    static let silence: Duration = .seconds(120)

    static func allows(group: String) -> Bool { group.utf16.count <= groupNameLength }
}
