/// What a server does with requests. One instance per loop; everything is called on that loop's thread and must not block.
public protocol RequestHandler: AnyObject {
    /// Answers `request` through `connection`, or keeps ``Connection/replyHandle(for:)`` or
    /// the connection with ``InboundFrame/ticket`` and answers later. The request's bytes are valid during this call only.
    func receive(_ request: InboundFrame, on connection: Connection)
    /// `connection` is closed; replies to it go nowhere from now on. Called once, never from within another call.
    func connectionClosed(_ connection: Connection)
    /// After all requests of one wake-up and before the answers are written: the place for batched hand-overs.
    func wakeUpEnded()
}

extension RequestHandler {
    public func connectionClosed(_ connection: Connection) {}
    public func wakeUpEnded() {}
}
