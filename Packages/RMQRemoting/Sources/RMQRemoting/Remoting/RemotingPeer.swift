import Synchronization

/// One server of a client, for what is asked of it thousands of times a second: sends and pulls.
///
/// Found once (``RemotingClient/peer(_:serialization:)``), and used by any number of tasks at once. What they ask shares one connection
/// and one write. While more than ``ClientConfiguration/sendBufferBytes`` waits to be written, further requests wait for room.
///
/// ```swift
/// let request = PendingRequest(sending: message, by: template, from: .now, until: .now + .seconds(3))
/// await peer.run(request)
/// if case .stored(let answer) = request.outcome { … }
/// ```
public struct RemotingPeer: Sendable {
    let endpoint: ClientEndpoint
    /// How headers are written.
    private let serialization: HeaderSerialization
    /// Signs each request; nil where none is signed.
    private let signer: RequestSigner?

    init(_ endpoint: ClientEndpoint, serialization: HeaderSerialization, signer: RequestSigner?) {
        self.endpoint = endpoint
        self.serialization = serialization
        self.signer = signer
    }

    /// The server, as `host:port`.
    public var address: String { endpoint.address }

    /// Hands a request over and waits until it has ended: an answer came, its time is up, the connection was lost, or the task was cancelled,
    /// which ends the waiting at once. What was taken over is sent all the same.
    public func run(_ request: PendingRequest) async {
        let outbox = endpoint.outbox
        request.number = outbox.nextNumber(request.kind)
        request.step.store(.connect, ordering: .relaxed)
        while true {
            // Of a step before this one.
            let hasRoom = request.step.load(ordering: .relaxed) == .useRoom
            await withTaskCancellationHandler {
                await withUnsafeContinuation { continuation in
                    request.continuation = continuation
                    begin(request, hasRoom: hasRoom)
                }
            } onCancel: {
                outbox.cancel(request.number)
            }
            switch request.step.load(ordering: .acquiring) {
            case .end: return
            case .useRoom: break
            case .connect:
                do {
                    try await connect(for: request)
                } catch {
                    return request.end(.failed(error))
                }
                request.number = outbox.nextNumber(request.kind)
            }
        }
    }

    /// Hands a request over; `completion` is called once with its end, where no task waits for it.
    ///
    /// It is called on the server's loop, within the read that brought the answer, but for failures, and must not block. The next
    /// request that it starts there goes out at the end of the same wake-up.
    public func start(_ request: PendingRequest, then completion: @escaping @Sendable (PendingRequest.Outcome) -> Void) {
        request.follower = { step in
            switch step {
            case .end: completion(request.outcome)
            case .useRoom: begin(request, hasRoom: true)
            case .connect:
                Task {
                    do throws(RemotingError) {
                        try await connect(for: request)
                    } catch {
                        return request.end(.failed(error))
                    }
                    request.number = endpoint.outbox.nextNumber(request.kind)
                    begin(request, hasRoom: false)
                }
            }
        }
        request.number = endpoint.outbox.nextNumber(request.kind)
        begin(request, hasRoom: false)
    }

    /// Encodes a request into the outbox.
    private func begin(_ request: PendingRequest, hasRoom: Bool) {
        let number = request.number
        switch request.content {
        case .message(let message, let template) where serialization == .rocketmq && template.hasShortNames:
            template.withFrameStart(number, message, signer: signer) { start in
                message.body.withUnsafeBytes { hand(Outbox.Frame(start: start, body: $0), of: request, hasRoom: hasRoom) }
            }
        case .message(let message, let template): handCommand(template.command(message), of: request, hasRoom: hasRoom)
        case .pull(let place, let template) where serialization == .rocketmq && !template.needsJSON && signer == nil:
            template.withFrame(number, place) { hand(Outbox.Frame(start: $0, body: Self.noBody), of: request, hasRoom: hasRoom) }
        case .pull(let place, let template): handCommand(template.command(place), of: request, hasRoom: hasRoom)
        }
        // It may have been cancelled when there was nothing to end yet.
        if Task.isCancelled { endpoint.outbox.cancel(number) }
    }

    private func handCommand(_ command: RemotingCommand, of request: PendingRequest, hasRoom: Bool) {
        var command = command
        signer?.sign(&command)
        command.setSerialization(preferring: serialization)
        command.opaque = request.number
        command.encoded().withUnsafeBytes {
            hand(Outbox.Frame(start: $0, body: Self.noBody), of: request, hasRoom: hasRoom)
        }
    }

    private static var noBody: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    private func hand(_ frame: Outbox.Frame, of request: PendingRequest, hasRoom: Bool) {
        if Task.isCancelled {
            if hasRoom { endpoint.outbox.giveBack(frame.byteCount) }
            return request.end(.failed(.cancelled))
        }
        guard endpoint.outbox.start(request, frame, hasRoom: hasRoom) else { return }
        // What the loop itself asks goes out together, at the end of this wake-up.
        if endpoint.loop.isCurrent { endpoint.outboxChanged() } else { endpoint.loop.post(OutboxNews(endpoint: endpoint)) }
    }

    private func connect(for request: PendingRequest) async throws(RemotingError) {
        let endpoint = endpoint
        _ = try await OutboundRequest.wait { connecting in
            endpoint.loop.post(PostedSend(endpoint: endpoint, request: connecting))
        } make: { completion in
            OutboundRequest(
                connectingTo: endpoint.address, code: request.code.rawValue, from: request.begin, until: request.deadline, completion: completion)
        }
    }
}
