public import RMQCommon

/// What a server does with requests. One instance per loop; everything is called on that loop's thread and must not block.
public protocol RequestHandler: AnyObject {
    /// Answers `request` through `connection`, or keeps ``Connection/replyHandle(for:)`` or
    /// the connection with ``InboundRequest/ticket`` and answers later. The request's bytes are valid during this call only.
    func receive(_ request: InboundRequest, on connection: Connection)
    /// `connection` is closed; replies to it go nowhere from now on. Called once, never from within another call.
    func connectionClosed(_ connection: Connection)
    /// After all requests of one wake-up and before the answers are written: the place for batched hand-overs.
    func wakeUpEnded()
}

extension RequestHandler {
    public func connectionClosed(_ connection: Connection) {}
    public func wakeUpEnded() {}
}

/// What a later reply needs to know of its request.
public struct ReplyTicket: Sendable {
    public let opaque: Int32
    public let serialization: HeaderSerialization
    public let isOneway: Bool

    public init(opaque: Int32, serialization: HeaderSerialization, isOneway: Bool) {
        self.opaque = opaque
        self.serialization = serialization
        self.isOneway = isOneway
    }
}

/// Answers one request later, from any thread. Answering after the connection closed does nothing.
public struct ReplyHandle: Sendable {
    public let connectionId: UInt64
    public let ticket: ReplyTicket
    let loop: EventLoop

    /// Sends `command` as the answer, in the request's serialization; silent when the request was one-way.
    public func complete(_ command: RemotingCommand) {
        guard !ticket.isOneway else { return }
        loop.post(.write(connection: connectionId, frame: command.encoded(answering: ticket)))
    }
}

/// Names a connection for other threads.
public struct ConnectionHandle: Sendable, Hashable {
    public let id: UInt64
    public let remote: HostAddress
    /// The loop that owns the connection.
    public let loop: EventLoop

    /// Sends without expecting an answer. A closed connection drops it.
    public func sendOneway(_ command: RemotingCommand) {
        var command = command
        command.opaque = Opaque.next()
        command.flag |= 2
        loop.post(.write(connection: id, frame: command.encoded()))
    }

    /// Asks the peer and waits for its answer.
    public func request(_ command: RemotingCommand, timeout: Duration) async throws(RemotingError) -> RemotingCommand {
        try await OutboundRequest.wait(command, to: remote.description, timeout: timeout) { request in
            loop.post(.request(connection: id, request))
        }
    }

    /// Writes what can be written at once and closes.
    public func close() { loop.post(.close(connection: id)) }

    public static func == (left: ConnectionHandle, right: ConnectionHandle) -> Bool { left.id == right.id }
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
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
