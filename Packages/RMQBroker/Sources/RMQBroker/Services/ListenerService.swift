import RMQCommon
import RMQRemoting
import Synchronization

/// The ports that clients connect to: the main one, and the fast one two below it, which serves all but pulls.
final class ListenerService: Service {
    private let loops: EventLoopGroup
    private let configuration: BrokerConfiguration
    private let broker: BrokerState
    private let tls: TLSPort
    private let servers = Mutex<[RemotingServer]>([])

    init(_ loops: EventLoopGroup, _ configuration: BrokerConfiguration, _ broker: BrokerState, tls: TLSPort) {
        self.loops = loops
        self.tls = tls
        self.configuration = configuration
        self.broker = broker
    }

    /// The main port; 0 while it is not listened on.
    var port: UInt16 { servers.withLock { $0.first?.port ?? 0 } }

    func start() throws(BrokerError) {
        let main = server(port: configuration.listener.port, servesPulls: true)
        do {
            try main.start()
        } catch {
            throw .cannotListen(address: HostPort(configuration.listener.bindAddress, configuration.listener.port).description, reason: "\(error)")
        }
        broker.listens(on: main.port)
        let fast = startFastServer(below: main.port)
        servers.withLock { $0 = [main, fast].compactMap(\.self) }
    }

    func stop() {
        let ending = servers.withLock { servers in
            defer { servers = [] }
            return servers
        }
        for server in ending.reversed() { server.stop() }
    }

    private func server(port: UInt16, servesPulls: Bool) -> RemotingServer {
        RemotingServer(
            configuration: configuration.listener.server(on: port, tls: tls), loops: loops, logger: broker.logger.with(.remoting)
        ) { [broker] loop in
            BrokerHandler(broker: broker, bound: broker.loops.all.first { $0.loop === loop }!, servesPulls: servesPulls)
        }
    }

    /// No client needs it, so a broker whose neighbour is taken runs without.
    private func startFastServer(below port: UInt16) -> RemotingServer? {
        guard port > 2 else { return nil }
        let server = server(port: port - 2, servesPulls: false)
        do {
            try server.start()
            return server
        } catch {
            broker.logger.warning("the fast port \(port - 2) is not served: \(error)")
            return nil
        }
    }
}
