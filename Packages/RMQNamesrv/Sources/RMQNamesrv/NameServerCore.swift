import RMQCommon
import RMQRemoting
import Synchronization

/// What the handlers of all loops share. Each lock guards one value, and no two are ever held at once.
final class NameServerCore: Sendable {
    /// The routes, and the connections over which brokers registered: what expiry closes.
    private struct Routes: Sendable {
        var table = RouteTable()
        var connections: [RouteTable.ConnectionID: ConnectionHandle] = [:]
    }

    private struct Timers: Sendable {
        var isRunning = false
        var expiry: ScheduledWork?
        var keyValueLog: ScheduledWork?
    }

    let logger: Logger
    /// Where unknown topics are asked for, in cluster-test mode.
    let productEnvironment: ProductEnvironment?
    private let clock: MonotonicClock
    private let loop: EventLoop
    private let routesState = Mutex(Routes())
    private let settings: Mutex<NameServerConfiguration>
    private let keyValuesState = Mutex(KeyValueTable())
    private let timers = Mutex(Timers())
    private let files = FileWork()

    init(
        configuration: NameServerConfiguration, logger: Logger, loops: EventLoopGroup, productEnvironment: ProductEnvironment?
    ) {
        self.productEnvironment = productEnvironment
        self.logger = logger
        clock = loops.clocks.monotonic
        loop = loops.next()
        settings = Mutex(configuration)
    }

    // MARK: Routes

    /// A snapshot; it does not change under the reader.
    var routes: RouteTable { routesState.withLock { $0.table } }

    var routeGeneration: UInt64 { routesState.withLock { $0.table.generation } }

    func register(_ broker: Registration, from connection: ConnectionHandle) throws(RouteError) -> RouteTable.Registered {
        let now = clock.now()
        let registered = try routesState.withLock { (routes) throws(RouteError) in
            let registered = try routes.table.register(broker, connection: connection.id, now: now)
            routes.connections[connection.id] = connection
            return registered
        }
        log(registered.notes)
        return registered
    }

    func compareVersion(of address: String, with version: DataVersion) -> (changed: Bool, stored: DataVersion?) {
        let now = clock.now()
        return routesState.withLock { $0.table.compareVersion(of: address, with: version, now: now) }
    }

    /// Changes the routes and logs what came of it.
    func changeRoutes(_ change: (inout RouteTable) -> [RouteNote]) {
        log(routesState.withLock { change(&$0.table) })
    }

    func setPermission(of brokerName: String, _ change: (Permission) -> Permission) -> Int32 {
        routesState.withLock { $0.table.setPermission(of: brokerName, change) }
    }

    func connectionClosed(_ connection: ConnectionHandle) {
        let (address, notes) = routesState.withLock { routes in
            routes.connections[connection.id] = nil
            return routes.table.connectionClosed(connection.id, remote: connection.remote.description)
        }
        if let address { logger.info("the broker's channel destroyed, \(address), clean it's data structure at once") }
        log(notes)
    }

    /// Forgets the brokers that fell silent and closes their connections.
    func expireBrokers() {
        let now = clock.now()
        let (closing, notes) = routesState.withLock { routes in
            let (expired, notes) = routes.table.expire(now: now)
            return (expired.compactMap { routes.connections.removeValue(forKey: $0.connection) }, notes)
        }
        log(notes)
        for connection in closing { connection.close() }
    }

    private func log(_ notes: [RouteNote]) {
        for note in notes {
            if note.isWarning { logger.warning("\(note)") } else { logger.info("\(note)") }
        }
    }

    // MARK: Settings

    var configuration: NameServerConfiguration { settings.withLock { $0 } }

    /// Applies the items of an update command and writes the whole configuration to its file, then calls back.
    func updateConfiguration(
        _ items: [(key: String, value: String)], completion: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        changeFile(bytes: items.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }, completion) {
            Result {
                let before = self.configuration
                var changed = before
                try changed.update(items)
                try SmallFile.replace(changed.configStorePath, with: Array(changed.text.utf8))
                self.settings.withLock { $0 = changed }
                for item in ConfigurationItem.all where item.hasOtherText(in: before, than: changed) {
                    self.logger.info("Replace, key: \(item.name), value: \(item.text(before) ?? "null") -> \(item.text(changed) ?? "null")")
                }
            }
        }
    }

    private func changeFile(
        bytes: Int, _ completion: @escaping @Sendable (Result<Void, any Error>) -> Void,
        _ change: @escaping @Sendable () -> Result<Void, any Error>
    ) {
        do throws(FileWorkError) {
            try files.add(bytes: bytes) { completion(change()) }
        } catch {
            completion(.failure(error))
        }
    }

    /// Returns when every change of a file that was asked for is done.
    func finishFileWork() { files.finish() }

    // MARK: Key-value configuration

    var keyValues: KeyValueTable { keyValuesState.withLock { $0 } }

    /// Readers see the change, and `completion` hears of it, once it is on disk.
    /// - Parameter bytes: what the change brings along.
    func changeKeyValues(
        bytes: Int, _ change: @escaping @Sendable (inout KeyValueTable) throws(KeyValueError) -> String?,
        completion: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        changeFile(bytes: bytes, completion) {
            Result {
                var table = self.keyValues
                let note = try change(&table)
                try SmallFile.replace(self.configuration.kvConfigPath, with: table.json.bytes(.fastjson))
                self.keyValuesState.withLock { $0 = table }
                if let note { self.logger.info(note) }
            }
        }
    }

    /// Reads the key-value file.
    func loadKeyValues() {
        keyValuesState.withLock { $0 = KeyValueFile.load(configuration.kvConfigPath, logger: logger) }
    }

    /// Writes the whole table to the log.
    func logKeyValues() {
        for line in keyValues.logLines { logger.info(line) }
    }

    // MARK: Timers

    /// Expiry after 5 s and then every 10 s; the key-value table goes to the log after a minute and then every ten.
    func startTimers() {
        timers.withLock { $0.isRunning = true }
        schedule(\.expiry, after: .seconds(5), every: .seconds(10)) { $0.expireBrokers() }
        schedule(\.keyValueLog, after: .seconds(60), every: .seconds(600)) { $0.logKeyValues() }
    }

    func stopTimers() {
        timers.withLock { timers in
            timers.expiry?.cancel()
            timers.keyValueLog?.cancel()
            timers = Timers()
        }
    }

    private func schedule(
        _ timer: any WritableKeyPath<Timers, ScheduledWork?> & Sendable, after delay: Duration, every period: Duration,
        _ work: @escaping @Sendable (NameServerCore) -> Void
    ) {
        let scheduled = loop.schedule(after: delay) { [weak self] in
            guard let self, timers.withLock({ $0.isRunning }) else { return }
            work(self)
            schedule(timer, after: period, every: period, work)
        }
        timers.withLock { timers in
            if timers.isRunning { timers[keyPath: timer] = scheduled } else { scheduled.cancel() }
        }
    }
}
