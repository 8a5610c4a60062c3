/// What a later reply needs to know of its request.
public struct ReplyTicket: Sendable {
    /// The request's number, by which its sender knows the answer.
    public let opaque: Int32
    /// How the request's header was written, and the answer's will be.
    public let serialization: HeaderSerialization
    /// One-way: no answer is sent.
    public let isOneway: Bool

    /// Usually not made but taken from the request: ``InboundRequest/ticket``.
    public init(opaque: Int32, serialization: HeaderSerialization, isOneway: Bool) {
        self.opaque = opaque
        self.serialization = serialization
        self.isOneway = isOneway
    }
}

/// Answers one request later, from any thread. Answering after the connection closed does nothing.
///
/// Its holder owes the answer: one that is dropped leaves the requester to its time-out, and nothing notices. To notice would
/// take an object for every request that waits, so it is a value.
public struct ReplyHandle: Sendable {
    /// The number of the request's connection, which may have closed meanwhile.
    public let connectionId: UInt64
    /// What the answer takes from the request.
    public let ticket: ReplyTicket
    let loop: EventLoop

    /// Sends `command` as the answer, in the request's serialization; silent when the request was one-way.
    public func complete(_ command: RemotingCommand) {
        guard !ticket.isOneway else { return }
        loop.post(PostedFrame(connection: connectionId, frame: command.encoded(answering: ticket)))
    }
}

/// An encoded frame on its way to a connection of another loop or thread.
struct PostedFrame: LoopMessage {
    let connection: UInt64
    let frame: [UInt8]

    func deliver(on loop: EventLoop) { loop.connection(connection)?.channel.write(frame) }
}

extension RemotingCommand {
    /// The frame of this command as the answer to the request of `ticket`.
    func encoded(answering ticket: ReplyTicket) -> [UInt8] {
        var command = self
        command.opaque = ticket.opaque
        command.flag |= 1
        command.serialization = ticket.serialization
        return command.encoded()
    }
}
