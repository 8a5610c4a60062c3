public import RMQCommon

/// Listens on one port and serves its connections on the loops of a group. Each loop has its own handler.
public final class RemotingServer: Sendable {
    private let server: ChannelServer

    /// - Parameter makeHandler: called once for each loop, on that loop.
    public init(
        configuration: ServerConfiguration, loops: EventLoopGroup, logger: Logger,
        makeHandler: @escaping @Sendable (EventLoop) -> any RequestHandler
    ) {
        server = ChannelServer(
            listenAddress: configuration.listenAddress, port: configuration.port, maxConnections: configuration.maxConnections,
            limits: configuration.limits, loops: loops, logger: logger, makeTransport: configuration.makeTransport
        ) { RemotingService(makeHandler($0)) }
    }

    /// The port that is listened on; 0 before ``start()``.
    public var port: UInt16 { server.port }

    /// Connections open now.
    public var connectionCount: Int { server.channelCount }

    /// Binds, listens and begins to accept. A second call changes nothing.
    public func start() throws(RemotingError) { try server.start() }

    /// Stops listening and closes all connections of this server; returns when that is done (on a loop's own thread: at once).
    public func stop() { server.stop() }
}

/// What a remoting port speaks on one loop: all its connections have one handler.
private final class RemotingService: ChannelService {
    private let handler: any RequestHandler

    init(_ handler: any RequestHandler) { self.handler = handler }

    func makeProtocol(for channel: Channel) -> any ChannelProtocol { Connection(channel, handler: handler) }

    func wakeUpEnded() { handler.wakeUpEnded() }
}
