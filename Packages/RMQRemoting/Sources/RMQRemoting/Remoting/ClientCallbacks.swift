import Synchronization

/// What the user of a client wants to be called with.
final class ClientCallbacks: Sendable {
    private struct State {
        var request: RemotingClient.InboundHandler?
        var closed: (@Sendable (String) -> Void)?
    }
    private let state = Mutex(State())

    func set(request: @escaping RemotingClient.InboundHandler) { state.withLock { $0.request = request } }
    func set(closed: @escaping @Sendable (String) -> Void) { state.withLock { $0.closed = closed } }
    var request: RemotingClient.InboundHandler? { state.withLock { $0.request } }
    var closed: (@Sendable (String) -> Void)? { state.withLock { $0.closed } }
}
