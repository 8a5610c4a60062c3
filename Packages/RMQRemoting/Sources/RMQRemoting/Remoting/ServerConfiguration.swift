/// Settings of one listening port.
public struct ServerConfiguration: Sendable {
    /// The address to listen on: IPv4, IPv6 (without brackets) or `localhost`.
    public var listenAddress: String
    /// 0 takes a free port; read it back from ``RemotingServer/port``.
    public var port: UInt16
    /// A connection without any read and write for this long is closed.
    public var idleTimeout: Duration
    /// Largest accepted frame including its length word, part of the protocol.
    public var maxFrameBytes: Int
    /// Connections above this are closed right after they were accepted. An idle one takes about a kilobyte here; what the
    /// process may open in files and sockets usually ends sooner (see `OpenFiles`).
    public var maxConnections: Int
    /// Nothing more is read from a peer while more than this waits to be written to it.
    public var outputHighWaterBytes: Int
    /// A connection for which more than this waits is closed: late answers still arrive after reading stopped.
    public var outputLimitBytes: Int
    /// How bytes travel over each connection: called for it on its loop.
    public var makeTransport: TransportMaker

    /// The longest frame with its length word, as the reference has it: a server must be able to hold one of each connection.
    public static let frameByteLimit = 16 * 1024 * 1024
    /// Connections of one port, some 100 MB when all are idle.
    public static let connectionLimit = 100_000
    /// Answers that wait before a peer is no longer read from: some wake-ups' worth.
    public static let outputHighWaterLimitBytes = 1024 * 1024
    /// Answers that wait before a peer is cut off: eight of the longest frames.
    public static let outputByteLimit = 128 * 1024 * 1024

    public init(
        listenAddress: String = "127.0.0.1", port: UInt16 = 0, idleTimeout: Duration = .seconds(120),
        maxFrameBytes: Int = frameByteLimit, maxConnections: Int = connectionLimit,
        outputHighWaterBytes: Int = outputHighWaterLimitBytes, outputLimitBytes: Int = outputByteLimit,
        makeTransport: @escaping TransportMaker = PlainTransport.maker
    ) {
        self.listenAddress = listenAddress
        self.port = port
        self.idleTimeout = idleTimeout
        self.maxFrameBytes = maxFrameBytes
        self.maxConnections = maxConnections
        self.outputHighWaterBytes = outputHighWaterBytes
        self.outputLimitBytes = outputLimitBytes
        self.makeTransport = makeTransport
    }

    var limits: ChannelLimits {
        ChannelLimits(
            idleTimeout: idleTimeout, inputLimitBytes: maxFrameBytes, outputHighWaterBytes: outputHighWaterBytes,
            outputLimitBytes: outputLimitBytes)
    }
}
