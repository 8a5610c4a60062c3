import RMQCommon

/// Encoded route replies of one loop.
///
/// Thousands of clients ask for the same few topics every 30 s, and routes change far less often than that. All
/// entries belong to one state of the server, and are dropped together when it moves on.
final class RouteReplyCache {
    /// Everything that a reply is made of.
    struct State: Equatable {
        var routes: UInt64
        /// nil when replies carry no order configuration.
        var orderTopics: [ByteText: ByteText]?
    }

    struct Key: Hashable {
        @ByteText var topic: String
        var isStandardJSON: Bool
    }

    /// Replies kept. At about 1 KiB each some megabytes a loop; above it the cache starts over.
    static let limit = 4096

    private var state: State?
    private var bodies: [Key: [UInt8]] = [:]

    /// The body for `key`, made by `make` when it is not known for this state; an absent route is not remembered.
    func body(for key: Key, in state: State, make: () -> [UInt8]?) -> [UInt8]? {
        if self.state != state || bodies.count >= Self.limit {
            bodies.removeAll(keepingCapacity: true)
            self.state = state
        }
        if let known = bodies[key] { return known }
        let made = make()
        bodies[key] = made
        return made
    }
}
