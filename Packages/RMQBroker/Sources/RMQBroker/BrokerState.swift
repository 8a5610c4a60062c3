import RMQACL
import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// The parts of one broker that its loops and workers share. Each guards itself; their locks are leaves but where a type says
/// otherwise. What runs in the background is a ``Service``.
final class BrokerState: Sendable {
    let live: LiveConfiguration
    let topics: TopicTable
    let groups: GroupTable
    let offsets: ConsumerOffsets
    let clients: Clients
    let filters: ConsumerFilterTable
    let statistics: BrokerStatistics
    let slowGroups = SlowGroups()
    let store: MessageStore
    let files: ConfigurationFiles
    let workers = Workers()
    let loops = LoopSet()
    let transactions: Transactions
    let replication: ReplicationState
    /// Nil: everybody may do everything.
    let accessControl: (any AccessControl)?
    /// What commands about accounts change; nil with `aclEnable=false`.
    let accounts: PlainAccessControl?
    let logger: Logger
    let clocks: Clocks
    /// The `-c` file, which a change over the wire is written back to; nil when there is none.
    let configurationFile: ConfigurationFile?
    /// In milliseconds since 1970, as it is shown.
    let startedAt: Int64
    let started: MonotonicInstant
    private let host: Mutex<HostAddress>
    private let currentRegistration = Mutex<NameServerRegistration?>(nil)

    /// - Parameter host: where clients connect to; the port is told later.
    init(
        configuration: BrokerConfiguration, configurationFile: String?, host: HostAddress, store: MessageStore, filters: ConsumerFilterTable,
        accessControl: (any AccessControl)?, accounts: PlainAccessControl?, logger: Logger, clocks: Clocks
    ) {
        live = LiveConfiguration(configuration, clock: clocks.wall)
        replication = ReplicationState(live, epochs: EpochTable(path: configuration.configDirectory + "/epochs.json", logger: logger))
        topics = TopicTable(configuration: configuration, clock: clocks.wall)
        groups = GroupTable(clock: clocks.wall)
        offsets = ConsumerOffsets(separatesLightGroups: configuration.store.lightQueues)
        self.filters = filters
        clients = Clients(groups: groups, live: live, filters: filters, logger: logger, clocks: clocks)
        statistics = BrokerStatistics(configuration: configuration, store: store, logger: logger, clocks: clocks)
        transactions = Transactions(
            store: store, offsets: offsets, workers: workers.transactions, logger: logger.with(.transaction))
        self.host = Mutex(host)
        self.store = store
        self.accessControl = accessControl
        self.accounts = accounts
        self.logger = logger
        self.clocks = clocks
        self.configurationFile = configurationFile.map { ConfigurationFile(path: $0) }
        startedAt = clocks.wall.now()
        started = clocks.monotonic.now()
        files = ConfigurationFiles(
            directory: configuration.configDirectory, topics: topics, groups: groups, offsets: offsets, filters: filters,
            hasLightQueues: configuration.store.lightQueues, workers: workers.background, logger: logger)
        files.setTopicsSavedListener { [loops] in loops.topicsSaved() }
    }

    /// The address in the records and ids of this broker's messages, which is also what clients connect to.
    var storeHost: HostAddress { host.withLock { $0 } }

    func listens(on port: UInt16) {
        host.withLock { host in
            if let address = HostAddress(ip: host.ip, port: port) { host = address }
        }
    }

    /// Nil while the broker does not run.
    var registration: NameServerRegistration? {
        get { currentRegistration.withLock { $0 } }
        set { currentRegistration.withLock { $0 = newValue } }
    }

    /// The store made a message of the queue readable by itself: wakes the loops that hold pulls of it.
    func messageArrived(topic: String, queueId: Int32) {
        guard let entry = topics[topic], queueId >= 0, queueId < entry.queueCount else {
            if store.role == .replica { replication.sawUnknown(topic: topic, queueId: queueId) }
            return
        }
        loops.messageArrived(in: entry.queues.queue(queueId, of: topic, in: store))
    }
}
