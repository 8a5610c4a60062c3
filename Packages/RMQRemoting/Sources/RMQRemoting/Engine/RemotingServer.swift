import CRMQSystem
import Glibc
public import RMQCommon
import Synchronization

/// Listens on one port and serves its connections on the loops of a group.
///
/// The first loop accepts and deals connections out in turn. Each loop has its own handler.
public final class RemotingServer: Sendable {
    private let configuration: ServerConfiguration
    private let group: EventLoopGroup
    private let logger: Logger
    private let makeHandler: @Sendable (EventLoop) -> any RequestHandler

    private struct State {
        var port: UInt16 = 0
        var listener: LoopBound<Listener>?
        var stations: [LoopBound<ServerStation>] = []
    }
    private let state = Mutex(State())
    private let openConnections = SharedCount()

    /// - Parameter makeHandler: called once for each loop, on that loop.
    public init(
        configuration: ServerConfiguration, loops: EventLoopGroup, logger: Logger,
        makeHandler: @escaping @Sendable (EventLoop) -> any RequestHandler
    ) {
        self.configuration = configuration
        group = loops
        self.logger = logger
        self.makeHandler = makeHandler
    }

    /// The port that is listened on; 0 before ``start()``.
    public var port: UInt16 { state.withLock { $0.port } }

    /// Connections open now.
    public var connectionCount: Int { openConnections.value }

    /// Binds, listens and begins to accept. A second call changes nothing.
    public func start() throws(RemotingError) {
        guard state.withLock({ $0.listener == nil }) else { return }
        let text = HostText.joined(configuration.listenAddress, configuration.port)
        let address: SocketAddress
        switch SocketAddress.resolving(configuration.listenAddress, port: configuration.port) {
        case .success(let resolved): address = resolved[0]
        case .failure(let failure): throw .badAddress(text, reason: failure.reason)
        }
        let descriptor: Int32
        let port: UInt16
        switch Socket.listen(on: address) {
        case .success(let listening): (descriptor, port) = listening
        case .failure(let failure) where failure.code == EADDRINUSE: throw .addressInUse(address: text)
        case .failure(let failure): throw .listenFailed(address: text, reason: failure.reason)
        }
        let stations = group.loops.map { loop in
            LoopBound(
                ServerStation(limits: configuration.limits, openConnections: openConnections, logger: logger), loop: loop)
        }
        for station in stations {
            station.post { [makeHandler] in $0.start(makeHandler(station.loop), on: station.loop) }
        }
        let listener = LoopBound(
            Listener(
                descriptor, stations: stations, openConnections: openConnections, maxConnections: configuration.maxConnections,
                loop: group.loops[0], logger: logger),
            loop: group.loops[0])
        state.withLock { $0 = State(port: port, listener: listener, stations: stations) }
        listener.post { $0.start() }
        logger.info("listening on \(HostText.joined(configuration.listenAddress, port))")
    }

    /// Stops listening and closes all connections of this server; returns when that is done (on a loop's own thread: at once).
    public func stop() {
        let state = self.state.withLock { state in
            defer { state = State() }
            return state
        }
        guard let listener = state.listener else { return }
        let waiting = Countdown(1 + state.stations.count)
        if !listener.loop.post(.run { listener.value.stop(); waiting.step() }) { waiting.step() }
        for station in state.stations where !station.loop.post(.run { station.value.stop(on: station.loop); waiting.step() }) {
            waiting.step()
        }
        if EventLoop.current == nil { waiting.wait() }
    }
}

/// What one server has on one loop.
final class ServerStation {
    private let limits: ConnectionLimits
    private let openConnections: SharedCount
    private let logger: Logger
    private var handler: (any RequestHandler)?
    private var connections: [UInt64: Connection] = [:]

    init(limits: ConnectionLimits, openConnections: SharedCount, logger: Logger) {
        self.limits = limits
        self.openConnections = openConnections
        self.logger = logger
    }

    func start(_ handler: any RequestHandler, on loop: EventLoop) {
        self.handler = handler
        loop.add(handler)
    }

    func adopt(_ descriptor: Int32, remote: HostAddress, on loop: EventLoop) {
        guard let handler else {
            Glibc.close(descriptor)
            return openConnections.add(-1)
        }
        let connection = Connection(
            adopting: descriptor, remote: remote, loop: loop, limits: limits, handler: handler, logger: logger
        ) { [weak self, openConnections] closed in
            self?.connections[closed.id] = nil
            openConnections.add(-1)
        }
        guard let connection else { return openConnections.add(-1) }
        connections[connection.id] = connection
    }

    func stop(on loop: EventLoop) {
        for connection in Array(connections.values) { connection.close() }
        guard let handler else { return }
        self.handler = nil
        // After the connections' last words, which come at the end of this wake-up.
        loop.deferToEnd { loop.remove(handler) }
    }
}

/// A number that several threads count up and down.
final class SharedCount: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func add(_ step: Int) { count.wrappingAdd(step, ordering: .relaxed) }
}

/// Lets a thread wait until something happened a number of times.
final class Countdown: @unchecked Sendable {
    // The semaphore is made for use from many threads; the rest never changes.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let steps: Int

    init(_ steps: Int) {
        self.steps = steps
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func step() { sem_post(semaphore) }

    func wait() {
        for _ in 0..<steps { while sem_wait(semaphore) != 0 {} }
    }
}
