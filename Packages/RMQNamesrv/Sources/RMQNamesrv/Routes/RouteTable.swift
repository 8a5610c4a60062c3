import RMQCommon
import RMQRemoting

/// Where every topic is, as the brokers told it.
///
///     cluster ──► broker names ──► id ──► address ──► live: last seen, data version, connection
///                     ▲                      └──────► filter servers
///     topic ──► broker name ──► queues, permission
///
/// A value: it takes no lock, reads no clock, closes nothing and writes no log. Events go in (a registration, a
/// closed connection, the time); what is worth logging comes out as ``RouteNote``s. A copy is a snapshot that
/// readers may keep while the original goes on changing.
struct RouteTable: Sendable {
    /// A broker process that registered and has not fallen silent since.
    struct LiveBroker: Equatable, Sendable {
        var lastSeen: MonotonicInstant
        var dataVersion: DataVersion
        var connection: ConnectionID
        @ByteText var haServerAddress: String
    }

    typealias ConnectionID = UInt64

    /// By topic, then by broker name.
    var topics: [ByteText: [ByteText: QueueData]] = [:]
    /// By broker name. The cluster is that of the first registration; a later one that names another leaves it.
    var brokers: [ByteText: BrokerData] = [:]
    var clusters: [ByteText: Set<ByteText>] = [:]
    /// By address.
    var live: [ByteText: LiveBroker] = [:]
    /// By the address of their broker.
    var filterServers: [ByteText: [String]] = [:]

    /// Grows whenever an answer about routes may have changed; unchanged by mere signs of life.
    var generation: UInt64 = 0
}

/// How much the peers of a name server may make it remember.
///
/// Nothing but a registration, which anybody on the network can send, puts something into the tables; so they are
/// bounded far above any real cluster and far below the memory of a small machine.
enum RouteLimit {
    /// Broker addresses. The largest known clusters have a few hundred.
    static let addresses = 20_000
    /// Topics of all brokers together; about 200 bytes each.
    static let topics = 1_000_000
    /// Silence after which a broker is forgotten: four registration periods of 30 s.
    static let silence: Duration = .seconds(120)
}

/// Why the table refused a registration.
enum RouteError: Error, Equatable, CustomStringConvertible {
    case tooManyAddresses(limit: Int)
    case tooManyTopics(count: Int, limit: Int)

    var description: String {
        switch self {
        case .tooManyAddresses(let limit): "the name server already knows \(limit) broker addresses, its limit"
        case .tooManyTopics(let count, let limit): "the registration would bring the name server to \(count) topics, its limit is \(limit)"
        }
    }
}
