/// Settings of the connections that a client opens.
public struct ClientConfiguration: Sendable {
    /// How long a connect may take.
    public var connectTimeout: Duration
    /// A connection without any read and write for this long is closed; the next request opens a new one.
    public var idleTimeout: Duration
    /// Largest frame sent or accepted, including its length word.
    public var maxFrameBytes: Int
    /// Requests fail with ``RemotingError/overloaded(address:limitBytes:)`` while more than this waits for a slow peer or a connect.
    public var outputLimitBytes: Int
    /// Sends and pulls through a ``RemotingPeer`` wait while more than this waits to be written to it. Ten thousand sends of
    /// small messages fit.
    public var sendBufferBytes: Int
    /// Signs every request before it is written; nil signs none.
    public var signer: RequestSigner?
    /// Encrypts every connection; nil encrypts none.
    public var tls: TLSClient?
    /// Longest pause between two failed connects; the pause starts at 20 ms and doubles.
    public var maxBackoff: Duration

    public init(
        connectTimeout: Duration = .seconds(3), idleTimeout: Duration = .seconds(120),
        maxFrameBytes: Int = 16 * 1024 * 1024, outputLimitBytes: Int = 64 * 1024 * 1024, sendBufferBytes: Int = 4 * 1024 * 1024,
        maxBackoff: Duration = .milliseconds(640)
    ) {
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
        self.maxFrameBytes = maxFrameBytes
        self.outputLimitBytes = outputLimitBytes
        self.sendBufferBytes = sendBufferBytes
        self.maxBackoff = maxBackoff
    }

    var limits: ChannelLimits {
        // What waits in an outbox is handed over as a whole: the connection has to take it, or it would stop reading, or close.
        let output = max(outputLimitBytes, sendBufferBytes + maxFrameBytes)
        return ChannelLimits(
            idleTimeout: idleTimeout, inputLimitBytes: maxFrameBytes, outputHighWaterBytes: output, outputLimitBytes: output)
    }
}
