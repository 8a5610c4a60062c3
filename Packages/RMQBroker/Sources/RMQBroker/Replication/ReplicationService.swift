import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// Master and slave side of replication, on a loop of their own: what a slave writes to its log may wait for the disk, and no client with it.
///
///     slaves ─► replication port ─► ReplicaSession ◄─ the store's log ◄─ ReplicaReceiver ◄─ ReplicaLink ─► the master
///                                                     tables, offsets ◄─ MetadataCopy ◄───────────────────┘
final class ReplicationService: Service {
    private let configuration: BrokerConfiguration
    private let broker: BrokerState
    private let listener: ListenerService
    private let tls: TLSPort
    private let connections: OutgoingConnections
    private let logger: Logger
    /// Before anything could be sent.
    private let endAtStart: Int64
    private let running = Mutex<Running?>(nil)

    private struct Running {
        let loops: EventLoopGroup
        let master: ReplicationMaster?
        let link: LoopBound<ReplicaLink>
        let client: RemotingClient
        let copy: PeriodicWork
        /// Compares logs, and makes this broker a master: one thread, so no log is cut meanwhile. It may read whole segments.
        let comparer: WorkerPool
        /// Reads what is on the disk only for slaves, which wait for no consumer's pulls.
        let readers: WorkerPool
    }

    init(_ configuration: BrokerConfiguration, _ broker: BrokerState, listener: ListenerService, tls: TLSPort, connections: OutgoingConnections) {
        self.tls = tls
        self.connections = connections
        self.configuration = configuration
        self.broker = broker
        self.listener = listener
        logger = broker.logger
        endAtStart = broker.store.maxPhysicalOffset
    }

    func start() throws(BrokerError) {
        let loops = EventLoopGroup(count: 1, name: "replication", clocks: broker.clocks)
        // A slave has one piece read at a time.
        let readers = WorkerPool(name: "slave read", threadLimit: 1, queueLimit: ReplicationMaster.mostSlaves)
        let master: ReplicationMaster?
        do throws(BrokerError) {
            master = try startMaster(loops, readers)
        } catch {
            loops.stop()
            throw error
        }
        broker.replication.listenPort = master?.port ?? 0
        beginEpoch()
        let client = RemotingClient(configuration: connections.clientConfiguration, loops: loops, logger: logger.with(.remoting))
        let comparer = WorkerPool(name: "log comparison", threadLimit: 1, queueLimit: 4)
        let (state, settings, store) = (broker.replication, configuration.replication, broker.store)
        let link = LoopBound(
            ReplicaLink(
                loop: loops.loops[0], store: store, settings: settings, state: state, transport: connections.transport, compare: comparison(client, comparer),
                askForMaster: { [broker] in broker.registration?.registerSoon() }, logger: logger),
            loop: loops.loops[0])
        let address = HostPort(configuration.advertisedAddress, listener.port).description
        state.setMasterListener { link.post { $0.masterMayHaveChanged() } }
        let copy = PeriodicWork(
            "metadata copy", on: loops.loops[0], after: settings.firstCopyAfter, every: settings.copyInterval, by: broker.workers.background
        ) { [broker, logger] in Self.copyMetadata(broker, client, every: settings.copyInterval, logger) }
        state.setTablesListener { copy.hasten(gap: settings.shortestCopyGap) }
        running.withLock { $0 = Running(loops: loops, master: master, link: link, client: client, copy: copy, comparer: comparer, readers: readers) }
        state.roleSwitch = RoleSwitch(broker, address: address, link: link, comparer: comparer)
        copy.start()
        if store.role == .replica { link.post { $0.start() } }
    }

    func stop() {
        let ending = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let ending else { return }
        broker.replication.setMasterListener(nil)
        broker.replication.setTablesListener(nil)
        broker.replication.roleSwitch = nil
        // First: the copy that runs now may wait for an answer.
        ending.client.close()
        ending.copy.stop()
        stopFollowing(ending)
        ending.comparer.stop()
        ending.master?.stop()
        ending.readers.stop()
        ending.loops.stop()
        broker.replication.listenPort = 0
    }

    // MARK: Master side

    /// Where it is the first start, or the log was another master's.
    private func beginEpoch() {
        guard broker.store.role == .master else { return }
        do {
            try broker.replication.epochs.begin(
                HostPort(configuration.advertisedAddress, listener.port).description, end: endAtStart)
        } catch {
            logger.error("that this broker is the master is not written down, so a returned master could not be told from one that is right: \(error)")
        }
    }

    /// A master that waits for no slave serves on without the port: whoever starts one sees why it cannot follow.
    private func startMaster(_ loops: EventLoopGroup, _ readers: WorkerPool) throws(BrokerError) -> ReplicationMaster? {
        let bindAddress = configuration.listener.bindAddress
        let port = listener.port &+ 1
        do {
            return try startMaster(port: port, loops, readers)
        } catch {
            // The system chose the main port, so this neighbour may be anybody's.
            if configuration.listener.port == 0, let master = try? startMaster(port: 0, loops, readers) { return master }
            guard configuration.role == .asyncMaster else {
                throw .cannotListen(address: HostPort(bindAddress, port).description, reason: "\(error), which \(configuration.role.rawValue) needs for replication")
            }
            logger.warning("no slave can follow this broker: the replication port \(port) is not served: \(error)")
            return nil
        }
    }

    private func startMaster(port: UInt16, _ loops: EventLoopGroup, _ readers: WorkerPool) throws(RemotingError) -> ReplicationMaster {
        let master = ReplicationMaster(
            listenAddress: configuration.listener.bindAddress, port: port, settings: configuration.replication, store: broker.store,
            board: broker.replication.slaves, readers: readers, loops: loops, makeTransport: tls.makeTransport, logger: logger)
        try master.start()
        return master
    }

    // MARK: Slave side

    private func stopFollowing(_ running: Running) {
        let stopped = Latch()
        running.link.post { link in
            link.stop()
            stopped.open()
        }
        stopped.wait()
    }

    private func comparison(_ client: RemotingClient, _ pool: WorkerPool) -> ReplicaLink.Comparison {
        let keeper = DivergedLog(folder: configuration.store.rootDirectory + "/diverged", clock: broker.clocks.wall, logger: logger)
        return { [broker, logger] place, isWanted, verdict in
            let isTaken = pool.run {
                guard isWanted() else { return verdict(.unknown(reason: "nobody wants to know any more")) }
                guard broker.store.role == .replica else { return verdict(.unknown(reason: "the broker is a master")) }
                // Its rest comes again, whole: a part of it may be what the way has spoiled.
                do { try broker.store.dropUnfinishedRecord() } catch { return verdict(.unknown(reason: "\(error)")) }
                guard let address = place.address else {
                    return verdict(.unknown(reason: "no main address of the master is known that belongs to \(place.replicationAddress)"))
                }
                let comparison = LogComparison(
                    store: broker.store, epochs: broker.replication.epochs, client: client, master: address, isWanted: isWanted, keeper: keeper, logger: logger)
                verdict(comparison.run())
            }
            if !isTaken { verdict(.unknown(reason: "the broker stops")) }
        }
    }

    private static func copyMetadata(_ broker: BrokerState, _ client: RemotingClient, every interval: Duration, _ logger: Logger) {
        guard broker.store.role == .replica, let master = broker.replication.master?.address else { return }
        let copiesAll = broker.replication.beginsCopyOfAll(now: broker.clocks.monotonic.now(), every: interval)
        for failure in MetadataCopy(broker: broker, master: master, client: client).run(topicsAlone: !copiesAll) {
            logger.warning("not copied from the master at \(master): \(failure)")
        }
    }
}
