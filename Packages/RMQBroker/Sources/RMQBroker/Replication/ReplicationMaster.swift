import RMQCommon
import RMQRemoting
import RMQStore

/// The replication port, to which slaves connect. A slave has one too: it may become a master, and others may follow it meanwhile.
final class ReplicationMaster: Sendable {
    /// Slaves of one broker: a set has a few.
    static let mostSlaves = 64

    private let server: ChannelServer

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - readers: read what is on the disk only, for slaves that are far behind.
    ///   - loops: one loop, which nothing else needs: what slaves get is no client's business.
    init(
        listenAddress: String, port: UInt16, settings: ReplicationConfiguration, store: MessageStore, board: SlaveBoard, readers: WorkerPool,
        loops: EventLoopGroup, makeTransport: @escaping TransportMaker, logger: Logger
    ) {
        let limits = ChannelLimits(
            // Sessions look for silence themselves.
            idleTimeout: settings.housekeepingInterval * 4, inputLimitBytes: 1 << 20,
            // Reports are read whatever waits: they say what the slave has.
            outputHighWaterBytes: 2 * (ReplicaSession.outputBytes + settings.batchBytes),
            outputLimitBytes: 2 * (ReplicaSession.outputBytes + settings.batchBytes))
        server = ChannelServer(
            listenAddress: listenAddress, port: port, maxConnections: Self.mostSlaves, limits: limits, loops: loops, logger: logger,
            makeTransport: makeTransport
        ) { _ in
            ReplicationPort(settings: settings, store: store, board: board, readers: readers, logger: logger)
        }
    }

    /// The port that is listened on; 0 before ``start()``.
    var port: UInt16 { server.port }

    func start() throws(RemotingError) { try server.start() }

    func stop() { server.stop() }
}

private final class ReplicationPort: ChannelService {
    private let settings: ReplicationConfiguration
    private let store: MessageStore
    private let board: SlaveBoard
    private let readers: WorkerPool
    private let logger: Logger

    init(settings: ReplicationConfiguration, store: MessageStore, board: SlaveBoard, readers: WorkerPool, logger: Logger) {
        self.readers = readers
        self.settings = settings
        self.store = store
        self.board = board
        self.logger = logger
    }

    func makeProtocol(for channel: Channel) -> any ChannelProtocol {
        if !settings.allowedAddresses.contains(channel.remote) {
            logger.warning("refused slave \(channel.remote): haAllowedAddresses=\(settings.allowedAddresses.text) does not have its address")
            channel.close()
        }
        return ReplicaSession(channel, store: store, settings: settings, board: board, readers: readers, logger: logger)
    }
}
