/// What bounds one channel.
public struct ChannelLimits: Sendable {
    /// A channel without any read and write for this long is closed.
    public var idleTimeout: Duration
    /// A channel whose protocol leaves more than this unused, waiting for what completes it, is closed.
    public var inputLimitBytes: Int
    /// Nothing more is read from a peer while more than this waits to be written to it.
    public var outputHighWaterBytes: Int
    /// A channel for which more than this waits is closed: late answers still arrive after reading stopped.
    public var outputLimitBytes: Int

    public init(idleTimeout: Duration, inputLimitBytes: Int, outputHighWaterBytes: Int, outputLimitBytes: Int) {
        self.idleTimeout = idleTimeout
        self.inputLimitBytes = inputLimitBytes
        self.outputHighWaterBytes = outputHighWaterBytes
        self.outputLimitBytes = outputLimitBytes
    }
}
