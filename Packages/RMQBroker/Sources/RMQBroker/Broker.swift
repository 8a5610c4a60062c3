import RMQACL
public import RMQCommon
public import RMQRemoting
import RMQStore
import Synchronization

/// A broker: takes messages, keeps them, hands them out, and tells the name servers what it holds.
///
///     sockets ─► event loops ─► BrokerHandler ─► send, pull, commands ─► MessageStore
///                                   │                                       │
///                                   └── tables of topics, groups, offsets, clients ─► <store>/config/*.json
///
/// Runs inside any process; `mqbroker` is one. All methods may be called from any thread but a loop's own.
public final class Broker: Sendable {
    private let configuration: BrokerConfiguration
    let state: BrokerState
    private let tls: ProgramTLS
    private let running = Mutex<(services: ServiceList, listener: ListenerService)?>(nil)

    /// Opens the store, which recovers it, and loads the tables.
    /// - Parameters:
    ///   - configurationFile: where a change over the wire is written back to.
    ///   - accessControl: asked before every request; nil: what the configuration says, accounts or nobody.
    public init(
        configuration given: BrokerConfiguration, logger: Logger, configurationFile: String? = nil,
        accessControl: (any AccessControl)? = nil, clocks: Clocks = .system
    ) throws(BrokerError) {
        let prepared = try BrokerPreparation(given, logger: logger, clocks: clocks)
        let configuration = prepared.configuration
        self.configuration = configuration
        tls = prepared.tls
        // Messages that a recovery finds get their bit maps, too.
        let filters = ConsumerFilterTable(configuration, logger: logger, clocks: clocks)
        try filters.load(from: ConfigurationFiles.Table.filters.path(in: configuration.configDirectory), logger: logger)
        let store: MessageStore
        do {
            store = try MessageStore(configuration.store, logger: logger.with(.store), clocks: clocks) { topic, storeTimestamp, properties in
                filters.bitmap(topic: topic, storeTimestamp: storeTimestamp, properties: properties)
            }
        } catch {
            throw .store(reason: "\(error)")
        }
        if configuration.computesFilterBitmaps, let stamp = Self.newestStamp(in: store) { filters.begin(newestStamp: stamp) }
        state = BrokerState(
            configuration: configuration, configurationFile: configurationFile, host: prepared.host, store: store, filters: filters,
            accessControl: accessControl ?? prepared.accounts, accounts: prepared.accounts, logger: logger, clocks: clocks)
        do {
            try state.files.load()
            try state.replication.epochs.load()
            if store.role == .master { state.makeUnknownTopics() }
        } catch {
            StoreService(state).stop()
            throw error
        }
    }

    /// When the last message of the log was stored, in milliseconds since 1970; nil when there is none.
    private static func newestStamp(in store: MessageStore) -> Int64? {
        guard let last = store.lastRecordOffset, let record = store.record(at: last) else { return nil }
        return try? MessageRecord.decodeAll([UInt8](record.bytes), decompressing: false).first?.storeTimestamp
    }

    /// The port that clients connect to; 0 while the broker is not running.
    public var port: UInt16 { running.withLock { $0?.listener.port ?? 0 } }

    /// Begins to serve. Returns once the first name server took the registration, or all failed to in time; the others go
    /// on meanwhile.
    /// - Throws: when the store cannot begin or the port cannot be listened on; the store is then closed again.
    public func start() throws(BrokerError) {
        let loops = EventLoopGroup(count: configuration.eventLoopCount, name: "broker", clocks: state.clocks)
        let listener = ListenerService(loops, configuration, state, tls: tls.port)
        let connections = OutgoingConnections(BrokerAccount(home: configuration.rocketmqHome, logger: state.logger), tls: tls)
        let services: ServiceList
        do {
            services = try ServiceList(starting: [
                StoreService(state),
                state.files,
                state.workers,
                LoopService(loops, state),
                listener,
                ReplicationService(configuration, state, listener: listener, tls: tls.port, connections: connections),
                RegistrationService(loops, configuration, state, listener: listener, connections: connections),
                TransactionService(loops, state),
            ] + periodicWork(loops))
        } catch {
            StoreService(state).stop()
            throw error
        }
        running.withLock { $0 = (services, listener) }
        state.logger.info("The broker[\(configuration.brokerName), \(state.storeHost)] boot success")
    }

    /// Leaves the name servers, closes all connections, writes the tables and closes the store. Harmless when repeated.
    public func stop() {
        let ending = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let ending else { return StoreService(state).stop() }
        ending.services.stop()
        tls.port.stop()
        state.logger.info("the broker \(configuration.brokerName) stopped")
    }

    private func periodicWork(_ loops: EventLoopGroup) -> [PeriodicWork] {
        let (state, pool) = (state, state.workers.background)
        let waterMarks = state.logger.with(.waterMark)
        let lines = StatisticsLog(state.statistics, logger: state.logger, clock: state.clocks.wall)
        let accounts = state.accounts.map { accounts in
            PeriodicWork("accounts", on: loops.next(), every: PlainAccessControl.lookInterval, by: pool) { accounts.look() }
        }
        return [
            PeriodicWork("tables", on: loops.next(), every: .milliseconds(state.live.current.persistOffsetsMilliseconds), by: pool) {
                state.filters.clean(deadFor: state.live.current.deadFilterLifetime)
                state.files.writeWhatIsDue()
            },
            PeriodicWork("samples", on: loops.next(), after: .zero, every: BrokerStatistics.sampleInterval, by: pool) { state.statistics.takeSample() },
            PeriodicWork("slow groups", on: loops.next(), every: SlowGroups.checkInterval, by: pool) { state.shutOutSlowGroups() },
            PeriodicWork("statistics lines", on: loops.next(), every: lines.pause, by: pool) { lines.write() },
            PeriodicWork("water mark", on: loops.next(), after: .seconds(10), every: .seconds(1), by: pool) {
                for line in WaterMark(state).lines { waterMarks.info(line) }
            },
            PeriodicWork("backlog", on: loops.next(), after: .seconds(10), every: .seconds(60), by: pool) {
                state.logger.info("dispatch behind commit log \(state.store.statistics.undispatchedBytes) bytes")
            },
            PeriodicWork("silent clients", on: loops.next(), every: state.live.current.clientScanInterval, by: pool) {
                state.clients.expire(now: state.clocks.monotonic.now())
            },
        ] + [accounts, tls.periodicLook(on: loops.next(), by: pool)].compactMap(\.self)
    }
}
