/// What is spoken over one channel: remoting frames, or anything else that is a stream of bytes.
///
/// One instance per channel, used on its loop's thread only; must not block.
public protocol ChannelProtocol: AnyObject {
    /// Handles what is complete at the start of `bytes` and returns how many bytes that was. The rest comes again, with what
    /// follows it. The bytes are valid during this call only.
    ///
    /// Stops early when ``Channel/takesMore`` turns false: what is left comes again once the peer has taken its answers, or never.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Int
    /// What waits is about to be written, or has all been written: the place to add what was gathered elsewhere, to the channel's
    /// output itself.
    func fillOutput()
    /// The channel is closed. Called once, at the end of the wake-up, never from within another call.
    func channelClosed()
}

extension ChannelProtocol {
    public func fillOutput() {}
}

/// What one port speaks, on one loop: makes the protocol of each channel. Used on that loop's thread only.
public protocol ChannelService: AnyObject {
    /// The protocol of a channel that was just opened; nothing was read from it yet.
    func makeProtocol(for channel: Channel) -> any ChannelProtocol
    /// After all that one wake-up brought and before the answers are written: the place for batched hand-overs.
    func wakeUpEnded()
}

extension ChannelService {
    public func wakeUpEnded() {}
}
