public import RMQCommon

/// Names a channel for what works for it on other threads.
public struct ChannelHandle: Sendable {
    /// That of the ``Channel``, never given twice in one process.
    public let id: UInt64
    /// The peer's address.
    public let remote: HostAddress
    /// The loop that owns the channel.
    public let loop: EventLoop

    /// Has the channel read from its transport soon, whatever its socket is ready for. From any thread; a closed channel does nothing.
    public func goOn() { loop.post(PostedGoOn(channel: id)) }
}

private struct PostedGoOn: LoopMessage {
    let channel: UInt64

    func deliver(on loop: EventLoop) { (loop.source(channel) as? Channel)?.goOn() }
}
