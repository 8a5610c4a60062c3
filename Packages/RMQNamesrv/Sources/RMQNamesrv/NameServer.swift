public import RMQCommon
public import RMQRemoting

/// The name server: brokers tell it which topics they hold, clients ask it where a topic is.
///
/// Everything but the key-value configuration lives in memory and comes back by itself within one registration
/// period (30 s) of the brokers. Name servers do not talk to each other; brokers register with all of them.
///
/// All methods may be called from any thread.
public final class NameServer: Sendable {
    private let core: NameServerCore
    private let server: RemotingServer

    /// - Parameters:
    ///   - loops: serves the connections; the caller stops it, after ``stop()``. Its clock decides when a broker that fell silent expires.
    /// - Throws: when `clusterTest` is on and the other environment's name servers are not known.
    public init(
        configuration: NameServerConfiguration, logger: Logger, loops: EventLoopGroup
    ) throws(NameServerError) {
        let environment = configuration.clusterTest ? try ProductEnvironment(configuration, loops: loops, logger: logger) : nil
        let core = NameServerCore(
            configuration: configuration, logger: logger, loops: loops, productEnvironment: environment)
        self.core = core
        server = RemotingServer(configuration: configuration.server, loops: loops, logger: logger) { _ in
            NameServerHandler(core: core)
        }
    }

    /// Loads the key-value configuration, then listens. When it returns, requests are answered.
    public func start() throws(NameServerError) {
        core.loadKeyValues()
        do {
            try server.start()
        } catch {
            throw .cannotListen(address: configuration.bindAddress, port: configuration.listenPort, reason: "\(error)")
        }
        core.startTimers()
    }

    /// The port listened on, after ``start()``.
    public var port: UInt16 { server.port }

    /// The configuration as it is now, changes by command included.
    public var configuration: NameServerConfiguration { core.configuration }

    /// Forgets the brokers that have been silent for too long; runs by itself every 10 s.
    func expireBrokers() { core.expireBrokers() }

    /// Writes the key-value configuration to the log; runs by itself every 10 min.
    func logKeyValues() { core.logKeyValues() }

    /// Closes the listener and every connection; what was being written to a file is there when it returns. Harmless when
    /// repeated.
    public func stop() {
        core.stopTimers()
        server.stop()
        core.finishFileWork()
        core.productEnvironment?.close()
    }
}
