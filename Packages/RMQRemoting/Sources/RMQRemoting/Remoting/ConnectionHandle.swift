public import RMQCommon

/// Names a connection for other threads.
public struct ConnectionHandle: Sendable, Hashable {
    /// That of the ``Connection``, never given twice in one process.
    public let id: UInt64
    /// The peer's address.
    public let remote: HostAddress
    /// The loop that owns the connection.
    public let loop: EventLoop

    /// Sends without expecting an answer. A closed connection drops it.
    public func sendOneway(_ command: RemotingCommand) {
        var command = command
        command.opaque = Opaque.next()
        command.flag |= 2
        loop.post(PostedFrame(connection: id, frame: command.encoded()))
    }

    /// The same; tells whether the command is in the connection's output. It is not when the connection is closed, or when its peer does
    /// not read.
    /// - Parameter completion: called once, on a loop, and must not block.
    public func sendOneway(_ command: RemotingCommand, completion: @escaping @Sendable (RemotingError?) -> Void) {
        let request = OutboundRequest(command, to: remote.description, timeout: .zero, oneway: true) { result in
            switch result {
            case .success: completion(nil)
            case .failure(let error): completion(error)
            }
        }
        loop.post(PostedRequest(connection: id, request: request))
    }

    /// Asks the peer and waits for its answer.
    public func request(_ command: RemotingCommand, timeout: Duration) async throws(RemotingError) -> RemotingCommand {
        try await OutboundRequest.wait(command, to: remote.description, timeout: timeout) { request in
            loop.post(PostedRequest(connection: id, request: request))
        }
    }

    /// Writes what can be written at once and closes.
    public func close() { loop.post(PostedClose(connection: id)) }

    public static func == (left: ConnectionHandle, right: ConnectionHandle) -> Bool { left.id == right.id }
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

/// A request of our own on its way to a connection.
private struct PostedRequest: LoopMessage {
    let connection: UInt64
    let request: OutboundRequest

    func deliver(on loop: EventLoop) {
        if let connection = loop.connection(connection) { connection.send(request) } else { drop() }
    }

    func drop() { request.complete(.failure(.connectionClosed(address: request.address))) }
}

private struct PostedClose: LoopMessage {
    let connection: UInt64

    func deliver(on loop: EventLoop) { loop.connection(connection)?.close() }
}
