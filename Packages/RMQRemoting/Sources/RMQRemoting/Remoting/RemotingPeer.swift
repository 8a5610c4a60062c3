public import RMQCommon

/// One server of a client, for what is asked of it thousands of times a second: sends and pulls.
///
/// Found once (``RemotingClient/peer(_:)``), and used by any number of tasks at once. What they send shares one connection and one
/// write. While more than ``ClientConfiguration/sendBufferBytes`` waits to be written, further ones wait for room.
public struct RemotingPeer: Sendable {
    let endpoint: ClientEndpoint
    /// How headers are written.
    private let serialization: HeaderSerialization

    init(_ endpoint: ClientEndpoint, serialization: HeaderSerialization) {
        self.endpoint = endpoint
        self.serialization = serialization
    }

    /// The server, as `host:port`.
    public var address: String { endpoint.address }

    /// Sends a message and waits for the answer. A cancelled task stops waiting at once; what was taken over is sent all the same.
    ///
    /// - Parameters:
    ///   - begin: this moment, from which the time of the send counts.
    ///   - deadline: ends the waiting: for a connection, for room and for the answer.
    public func send(
        _ message: SendTemplate.Message, by template: SendTemplate, from begin: MonotonicInstant, until deadline: MonotonicInstant
    ) async throws(RemotingError) -> SendAnswer {
        let command = serialization == .json || !template.hasShortNames ? prepared(template.command(message)) : nil
        let outcome = try await exchange(.send, template.code, from: begin, until: deadline) { number, use in
            if let command { return Self.withFrame(command, number, use) }
            template.withFrameStart(number, message) { start in
                message.body.withUnsafeBytes { use(Outbox.Frame(number: number, code: template.code.rawValue, start: start, body: $0)) }
            }
        }
        switch outcome {
        case .stored(let answer): return .stored(answer)
        case .answered(let answer): return .other(answer)
        case .pulled, .failed, .room, .notConnected: preconditionFailure("a send is answered as such")
        }
    }

    /// Asks for messages; as ``send(_:by:from:until:)`` in all else.
    public func pull(
        _ header: PullMessageHeader, from begin: MonotonicInstant, until deadline: MonotonicInstant
    ) async throws(RemotingError) -> PulledAnswer {
        let command = prepared(RemotingCommand(.pullMessage, header: header))
        let outcome = try await exchange(.pull, .pullMessage, from: begin, until: deadline) { Self.withFrame(command, $0, $1) }
        switch outcome {
        case .pulled(let answer): return .served(answer)
        case .answered(let answer): return .other(answer)
        case .stored, .failed, .room, .notConnected: preconditionFailure("a pull is answered as such")
        }
    }

    // MARK: Frames

    private func prepared(_ command: RemotingCommand) -> RemotingCommand {
        var command = command
        command.setSerialization(preferring: serialization)
        return command
    }

    private static func withFrame(_ command: RemotingCommand, _ number: Int32, _ use: (Outbox.Frame) -> Void) {
        var command = command
        command.opaque = number
        command.encoded().withUnsafeBytes {
            use(Outbox.Frame(number: number, code: command.code, start: $0, body: UnsafeRawBufferPointer(start: nil, count: 0)))
        }
    }

    // MARK: Waiting

    /// Hands a request over and waits for its answer, after waiting for a connection and for room where needed.
    ///
    /// - Parameter encode: lends the frame with this number to the function.
    /// - Returns: `stored`, `pulled` or `answered`.
    private func exchange(
        _ kind: Outbox.Kind, _ code: RequestCode, from begin: MonotonicInstant, until deadline: MonotonicInstant,
        _ encode: (Int32, (Outbox.Frame) -> Void) -> Void
    ) async throws(RemotingError) -> Outbox.Outcome {
        var hasRoom = false
        var number = endpoint.outbox.nextNumber(kind)
        while true {
            let outcome = await wait(number, hasRoom: hasRoom, from: begin, until: deadline, encode)
            hasRoom = false
            switch outcome {
            case .stored, .pulled, .answered: return outcome
            case .failed(let error): throw error
            case .room: hasRoom = true
            case .notConnected:
                try await connect(for: code, from: begin, until: deadline)
                number = endpoint.outbox.nextNumber(kind)
            }
        }
    }

    private func connect(for code: RequestCode, from begin: MonotonicInstant, until deadline: MonotonicInstant) async throws(RemotingError) {
        let endpoint = endpoint
        _ = try await OutboundRequest.wait { request in
            endpoint.loop.post(PostedSend(endpoint: endpoint, request: request))
        } make: { completion in
            OutboundRequest(connectingTo: endpoint.address, code: code.rawValue, from: begin, until: deadline, completion: completion)
        }
    }

    private func wait(
        _ number: Int32, hasRoom: Bool, from begin: MonotonicInstant, until deadline: MonotonicInstant,
        _ encode: (Int32, (Outbox.Frame) -> Void) -> Void
    ) async -> Outbox.Outcome {
        let endpoint = endpoint
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                encode(number) { frame in
                    if Task.isCancelled {
                        if hasRoom { endpoint.outbox.giveBack(frame.byteCount) }
                        return continuation.resume(returning: .failed(.cancelled))
                    }
                    let mustTell = endpoint.outbox.start(frame, hasRoom: hasRoom, from: begin, until: deadline, continuation)
                    if mustTell { endpoint.loop.post(OutboxNews(endpoint: endpoint)) }
                }
                // It may have been cancelled when there was nothing to end yet.
                if Task.isCancelled { endpoint.outbox.cancel(number) }
            }
        } onCancel: {
            endpoint.outbox.cancel(number)
        }
    }
}
