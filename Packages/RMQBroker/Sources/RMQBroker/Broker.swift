public import RMQCommon
import RMQRemoting
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
    /// What clients are told to connect to, which may be told as a name; messages carry the address.
    private let host: HostAddress
    let state: BrokerState
    private let logger: Logger

    private struct Running {
        var loops: EventLoopGroup
        var server: RemotingServer
        var fastServer: RemotingServer?
        var client: RemotingClient
        var periodic: [Task<Void, Never>]
    }
    private let running = Mutex<Running?>(nil)

    /// Opens the store, which recovers it, and loads the tables.
    /// - Parameter configurationFile: where a change over the wire is written back to.
    public init(
        configuration: BrokerConfiguration, logger: Logger, configurationFile: String? = nil, clocks: Clocks = .system
    ) throws(BrokerError) {
        guard let host = HostAddress.resolving(configuration.advertisedAddress, port: 0) else {
            throw .badAddress(key: "brokerIP1", value: configuration.advertisedAddress)
        }
        self.configuration = configuration
        self.host = host
        self.logger = logger
        let store: MessageStore
        do {
            store = try MessageStore(configuration.store, logger: logger.with(category: "RocketmqStore"), clocks: clocks)
        } catch {
            throw .store(reason: "\(error)")
        }
        state = BrokerState(
            configuration: configuration, configurationFile: configurationFile, store: store, logger: logger, clocks: clocks)
        do {
            try state.files.load()
        } catch {
            closeStore()
            throw error
        }
    }

    /// The port that clients connect to; 0 while the broker is not running.
    public var port: UInt16 { running.withLock { $0?.server.port ?? 0 } }

    /// Begins to serve. Returns once the first name server took the registration, or all failed to in time; the others go
    /// on meanwhile.
    /// - Throws: when the store cannot begin or the port cannot be listened on; the store is then closed again.
    public func start() throws(BrokerError) {
        state.store.setDeliveryListener { [weak state] topic, queueId in state?.messagesDelivered(topic: topic, queueId: queueId) }
        // What an append publishes wakes the pulls of its own queue itself.
        state.store.setArrivalListener(hearsAppends: configuration.multiDispatch) { [weak state] topic, queueId, _, _ in
            state?.messagesDelivered(topic: topic, queueId: queueId)
        }
        followConfirmations()
        do {
            try state.store.start()
        } catch {
            closeStore()
            throw .store(reason: "\(error)")
        }
        let loops = EventLoopGroup(count: configuration.eventLoopCount, name: "broker", clocks: state.clocks)
        state.loops = loops.loops.enumerated().map { index, loop in
            LoopBound(LoopState(index: index, loop: loop, broker: state), loop: loop)
        }
        setAddress(port: configuration.listenPort)
        let server = server(loops, port: configuration.listenPort, servesPulls: true)
        do {
            try server.start()
        } catch {
            loops.stop()
            state.loops = []
            closeStore()
            throw .cannotListen(address: HostText.joined(configuration.bindAddress, configuration.listenPort), reason: "\(error)")
        }
        setAddress(port: server.port)
        let fastServer = startFastServer(loops, below: server.port)
        let client = RemotingClient(loops: loops, logger: logger.with(category: "RocketmqRemoting"))
        let registration = NameServerRegistration(configuration: configuration, port: server.port, broker: state, client: client)
        state.registration = registration
        let registered = Latch()
        registration.registerAll(accepted: { registered.open() }, completion: { registered.open() })
        registered.wait(for: .milliseconds(configuration.registerTimeoutMilliseconds))
        running.withLock {
            $0 = Running(loops: loops, server: server, fastServer: fastServer, client: client, periodic: startPeriodicWork())
        }
        logger.info("The broker[\(configuration.brokerName), \(state.storeHost)] boot success")
    }

    /// Leaves the name servers, closes all connections, writes the tables and closes the store. Harmless when repeated.
    public func stop() {
        let running = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let running else { return closeStore() }
        for task in running.periodic { task.cancel() }
        let unregistered = Latch()
        state.registration?.unregister { unregistered.open() }
        state.registration = nil
        unregistered.wait(for: .seconds(3))
        running.fastServer?.stop()
        running.server.stop()
        running.client.close()
        running.loops.stop()
        state.loops = []
        state.stopWorkers()
        state.files.close()
        closeStore()
        logger.info("the broker \(configuration.brokerName) stopped")
    }

    /// Harmless when repeated.
    private func closeStore() {
        do {
            try state.store.close()
        } catch {
            logger.error("closing the store: \(error)")
        }
    }

    /// Lets the loops answer sends whenever more of the log is as safe as they wait for. Until the store closes.
    private func followConfirmations() {
        let store = state.store
        for end in [LogEnd.flushed, .confirmed] {
            let isAwaited = end == .flushed ? store.configuration.flush == .synchronous : store.configuration.requiredReplicas > 0
            guard isAwaited else { continue }
            let follower = store.follow(end) { [weak state] follower in state.map { Self.tellConfirmed($0, follower) } }
            Self.tellConfirmed(state, follower)
        }
    }

    /// A loop whose bit comes after the bits were taken looks at how far the store is itself; what the store moves on meanwhile
    /// is beyond `known`.
    private static func tellConfirmed(_ state: BrokerState, _ follower: LogFollower) {
        var known: Int64
        repeat {
            known = state.store.offset(of: follower.end)
            state.sendsConfirmed()
        } while follower.arm(beyond: known) == .isBeyond
    }

    // MARK: Parts

    private func setAddress(port: UInt16) {
        if let address = HostAddress(ip: host.ip, port: port) { state.storeHost = address }
    }

    private func server(_ loops: EventLoopGroup, port: UInt16, servesPulls: Bool) -> RemotingServer {
        RemotingServer(
            configuration: ServerConfiguration(
                listenAddress: configuration.bindAddress, port: port, idleTimeout: .seconds(configuration.idleSeconds)),
            loops: loops, logger: logger.with(category: "RocketmqRemoting")
        ) { [state] loop in
            BrokerHandler(broker: state, bound: state.loops.first { $0.loop === loop }!, servesPulls: servesPulls)
        }
    }

    /// Two ports below the main one. No client needs it, so a broker whose neighbour is taken runs without.
    private func startFastServer(_ loops: EventLoopGroup, below port: UInt16) -> RemotingServer? {
        guard port > 2 else { return nil }
        let server = server(loops, port: port - 2, servesPulls: false)
        do {
            try server.start()
            return server
        } catch {
            logger.warning("the fast port \(port - 2) is not served: \(error)")
            return nil
        }
    }

    private func startPeriodicWork() -> [Task<Void, Never>] {
        let state = state
        func every(_ period: Duration, _ work: @escaping @Sendable () -> Void) -> Task<Void, Never> {
            Task.detached(priority: .utility) {
                while !Task.isCancelled {
                    do { try await Task.sleep(for: period) } catch { return }
                    work()
                }
            }
        }
        state.sampleAndExpire()
        return [
            every(.milliseconds(configuration.persistOffsetsMilliseconds)) { state.files.writeWhatIsDue() },
            every(.milliseconds(min(max(configuration.registerPeriodMilliseconds, 10_000), 60_000))) { state.registration?.registerSoon() },
            every(ConsumeRates.sampleInterval) { state.sampleAndExpire() },
        ]
    }
}

extension BrokerConfiguration {
    fileprivate var store: StoreConfiguration {
        var store = StoreConfiguration(rootDirectory: storeRoot, commitLogDirectories: Self.paths(storeCommitLog))
        store.readOnlyCommitLogDirectories = Self.paths(readOnlyCommitLog)
        store.segmentBytes = commitLogFileBytes
        store.consumeQueueFileBytes = consumeQueueFileBytes
        store.flush = flushDiskType.isExactly("SYNC_FLUSH") ? .synchronous : .asynchronous(every: .milliseconds(flushIntervalMilliseconds))
        store.flushIsTimed = flushTimed
        store.flushLeastPages = flushLeastPages
        store.flushThoroughInterval = .milliseconds(flushThoroughMilliseconds)
        store.syncFlushTimeout = .milliseconds(syncFlushTimeoutMilliseconds)
        store.showsUnconfirmed = showUnconfirmedMessages
        store.pageCacheBusyMilliseconds = pageCacheBusyMilliseconds
        store.verifiesChecksumsOnRecovery = verifyChecksumsOnRecovery
        store.maxMessageBytes = min(max(maxMessageBytes, 10), 1 << 30)
        if let levels = StoreConfiguration.delayLevels(parsing: delayLevels) { store.delayLevelMilliseconds = levels }
        store.delayOffsetInterval = .milliseconds(persistDelayOffsetsMilliseconds)
        store.dispatchesToSeveral = multiDispatch
        store.lightQueues = lightQueues
        store.maxLightQueues = maxLightQueues
        store.writesQueueExtensions = writesQueueExtensions
        store.extensionFileBytes = queueExtensionFileBytes
        store.indexesMessages = indexesMessages
        store.indexSlotCount = indexSlotCount
        store.indexEntryCount = indexEntryCount
        store.maxQueryCount = maxQueryCount
        store.transferLimits.bytesInMemory = transferBytes
        store.transferLimits.countInMemory = Int(transferCount)
        store.transferLimits.bytesOnDisk = transferBytesOnDisk
        store.transferLimits.countOnDisk = transferCountOnDisk
        store.transferLimits.memoryPercent = inMemoryPercent
        store.warmsSegments = warmSegments
        store.warmUpPages = warmUpPages
        store.retention = retention
        return store
    }

    private var retention: RetentionPolicy {
        var policy = RetentionPolicy()
        policy.reservedTime = .seconds(fileReservedHours * 3600)
        policy.deletionHours = Self.hours(parsing: deleteWhen) ?? []
        policy.interval = .milliseconds(cleanIntervalMilliseconds)
        policy.pauseBetweenSegments = .milliseconds(deleteLogFilesPauseMilliseconds)
        policy.pauseBetweenQueues = .milliseconds(deleteQueueFilesPauseMilliseconds)
        policy.holdLimit = .milliseconds(deletedFileHoldMilliseconds)
        policy.retryInterval = .milliseconds(deletionRetryMilliseconds)
        policy.deletesForcibly = cleanForcibly
        policy.maxUsedPercent = diskMaxUsedPercent
        policy.forcedPercent = diskForcedCleanPercent
        policy.refusePercent = diskRefusePercent
        return policy
    }

    /// Paths separated by commas, as the reference has them.
    private static func paths(_ text: String) -> [String] {
        text.split(ascii: ",")
    }
}
