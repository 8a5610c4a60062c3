import Glibc
public import RMQCommon
import Synchronization

/// Listens on one port and serves its channels, with the protocol of that port, on the loops of a group.
///
///     Listener (first loop) ─── sockets in turn ──► Acceptor (one per loop) ──► Channel with transport and protocol
public final class ChannelServer: Sendable {
    private let listenAddress: String
    private let requestedPort: UInt16
    private let maxConnections: Int
    private let limits: ChannelLimits
    private let group: EventLoopGroup
    private let logger: Logger
    private let makeTransport: TransportMaker
    private let makeService: @Sendable (EventLoop) -> any ChannelService

    private struct State {
        var port: UInt16 = 0
        var listener: LoopBound<Listener>?
        var acceptors: [LoopBound<Acceptor>] = []
    }
    private let state = Mutex(State())
    private let openChannels = SharedCount()

    /// - Parameters:
    ///   - listenAddress: IPv4, IPv6 (without brackets) or a name.
    ///   - port: 0 takes a free one.
    ///   - maxConnections: those above are closed right after they were accepted.
    ///   - makeTransport: called for each channel, on its loop.
    ///   - makeService: called once for each loop, on that loop.
    public init(
        listenAddress: String, port: UInt16, maxConnections: Int, limits: ChannelLimits, loops: EventLoopGroup, logger: Logger,
        makeTransport: @escaping TransportMaker = PlainTransport.maker,
        makeService: @escaping @Sendable (EventLoop) -> any ChannelService
    ) {
        self.listenAddress = listenAddress
        requestedPort = port
        self.maxConnections = maxConnections
        self.limits = limits
        group = loops
        self.logger = logger
        self.makeTransport = makeTransport
        self.makeService = makeService
    }

    /// The port that is listened on; 0 before ``start()``.
    public var port: UInt16 { state.withLock { $0.port } }

    /// Channels open now.
    public var channelCount: Int { openChannels.value }

    /// Binds, listens and begins to accept. A second call changes nothing.
    public func start() throws(RemotingError) {
        guard state.withLock({ $0.listener == nil }) else { return }
        let socket = try listen()
        let port = Socket.localPort(socket.raw)
        let acceptors = group.loops.map { loop in
            LoopBound(
                Acceptor(limits: limits, openChannels: openChannels, makeTransport: makeTransport, logger: logger), loop: loop)
        }
        for acceptor in acceptors {
            acceptor.post { [makeService] in $0.start(makeService(acceptor.loop), on: acceptor.loop) }
        }
        let listener = LoopBound(
            Listener(
                socket, acceptors: acceptors, openChannels: openChannels, maxConnections: maxConnections, loop: group.loops[0],
                logger: logger),
            loop: group.loops[0])
        state.withLock { $0 = State(port: port, listener: listener, acceptors: acceptors) }
        listener.post { $0.start() }
        logger.info("listening on \(HostPort(listenAddress, port))")
    }

    private func listen() throws(RemotingError) -> Descriptor {
        let text = HostPort(listenAddress, requestedPort).description
        let address: SocketAddress
        switch SocketAddress.resolving(listenAddress, port: requestedPort) {
        case .success(let resolved): address = resolved[0]
        case .failure(let failure): throw .badAddress(text, reason: failure.reason)
        }
        do {
            return try Socket.listen(on: address)
        } catch {
            throw error.code == EADDRINUSE ? .addressInUse(address: text) : .listenFailed(address: text, reason: error.reason)
        }
    }

    /// Stops listening and closes all channels of this server; returns when that is done (on a loop's own thread: at once).
    public func stop() {
        let state = self.state.withLock { state in
            defer { state = State() }
            return state
        }
        guard let listener = state.listener else { return }
        let waiting = Latch(opens: 1 + state.acceptors.count)
        if !listener.loop.post(LoopWork { listener.value.stop(); waiting.open() }) { waiting.open() }
        for acceptor in state.acceptors where !acceptor.loop.post(LoopWork { acceptor.value.stop(on: acceptor.loop); waiting.open() }) {
            waiting.open()
        }
        if EventLoop.current == nil { waiting.wait() }
    }
}
