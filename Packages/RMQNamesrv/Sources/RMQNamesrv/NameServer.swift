import RMQACL
public import RMQCommon
public import RMQRemoting

/// The name server: brokers tell it which topics they hold, clients ask it where a topic is.
///
/// Everything but the key-value configuration lives in memory and comes back by itself within one registration
/// period (30 s) of the brokers. Name servers do not talk to each other; brokers register with all of them.
///
/// All methods may be called from any thread.
public final class NameServer: Sendable {
    let state: NameServerState
    private let server: RemotingServer
    private let tls: ProgramTLS
    private let periodicWork: [PeriodicWork]

    /// - Parameters:
    ///   - loops: serves the connections; the caller stops it, after ``stop()``. Its clock decides when a broker that fell silent expires.
    ///   - accessControl: is asked before each request; nil: what the configuration says, accounts or nobody.
    /// - Throws: when `clusterTest` is on and the other environment's name servers are not known, or when accounts or certificates cannot be used
    ///   without which nobody could be served.
    public init(
        configuration: NameServerConfiguration, logger: Logger, loops: EventLoopGroup, accessControl: (any AccessControl)? = nil
    ) throws(NameServerError) {
        let tls: ProgramTLS
        do throws(TLSError) { tls = try ProgramTLS(configuration.listener.tls, logger: logger) } catch { throw .tls(error) }
        self.tls = tls
        let accounts = try Self.accounts(configuration, logger, loops.clocks.wall)
        let environment = configuration.clusterTest ? try ProductEnvironment(configuration, tls: tls, loops: loops, logger: logger) : nil
        let configured = accounts.map { accounts -> any AccessControl in
            if configuration.access.requiresSignature { accounts } else { OpenQuestions(control: accounts) }
        }
        let state = NameServerState(
            configuration: configuration, accessControl: accessControl ?? configured, productEnvironment: environment, clock: loops.clocks.monotonic,
            logger: logger)
        self.state = state
        let listener = configuration.listener.server(on: configuration.listener.port, tls: tls.port)
        server = RemotingServer(configuration: listener, loops: loops, logger: logger) { _ in NameServerHandler(server: state) }
        let loop = loops.next()
        let accountWork = accounts.map { accounts in
            PeriodicWork("accounts", on: loop, every: PlainAccessControl.lookInterval, by: state.files) { accounts.look() }
        }
        periodicWork = [
            PeriodicWork("expiry of silent brokers", on: loop, after: .seconds(5), every: .seconds(10)) { state.routes.expire() },
            PeriodicWork("log of the key-values", on: loop, after: .seconds(60), every: .seconds(600), by: state.files) {
                state.keyValues.writeToLog()
            },
        ] + [accountWork, tls.periodicLook(on: loop, by: state.files)].compactMap(\.self)
    }

    /// Nil with `aclEnable=false`.
    private static func accounts(
        _ configuration: NameServerConfiguration, _ logger: Logger, _ clock: WallClock
    ) throws(NameServerError) -> PlainAccessControl? {
        do throws(AccountFileError) {
            return try configuration.access.control(home: configuration.rocketmqHome, logger: logger, clock: clock)
        } catch {
            throw .accounts(reason: "\(error)")
        }
    }

    /// Loads the key-value configuration, then listens. When it returns, requests are answered.
    public func start() throws(NameServerError) {
        state.keyValues.load()
        do {
            try server.start()
        } catch {
            throw .cannotListen(address: configuration.listener.bindAddress, port: configuration.listener.port, reason: "\(error)")
        }
        for work in periodicWork { work.start() }
    }

    /// The port listened on, after ``start()``.
    public var port: UInt16 { server.port }

    /// The configuration as it is now, changes by command included.
    public var configuration: NameServerConfiguration { state.configuration.current }

    /// Forgets the brokers that have been silent for too long; runs by itself every 10 s.
    func expireBrokers() { state.routes.expire() }

    /// Writes the key-value configuration to the log; runs by itself every 10 min.
    func logKeyValues() { state.keyValues.writeToLog() }

    /// Closes the listener and every connection. The changes that were taken are in their files when it returns; those that wait are
    /// one write of each file. Harmless when repeated.
    public func stop() {
        for work in periodicWork { work.stop() }
        server.stop()
        tls.port.stop()
        state.files.stop(finishing: true)
        state.productEnvironment?.close()
    }
}
