import Synchronization

/// What the user of a client wants to be called with, and how much of it is going on.
final class ClientCallbacks: Sendable {
    /// Most bytes of the requests in hand. A larger one is taken while no other is in hand.
    static let mostRequestBytes = 32 << 20

    private struct State {
        var request: RemotingClient.InboundHandler?
        var closed: (@Sendable (String) -> Void)?
        var requestCount = 0
        var byteCount = 0
        /// Since requests were refused, the share was not given back yet.
        var isRefusing = false
    }
    private let state = Mutex(State())

    func set(request: @escaping RemotingClient.InboundHandler) { state.withLock { $0.request = request } }
    func set(closed: @escaping @Sendable (String) -> Void) { state.withLock { $0.closed = closed } }
    var closed: (@Sendable (String) -> Void)? { state.withLock { $0.closed } }

    /// What becomes of a request that arrived.
    enum Begin {
        /// Its answer is asked of the handler. Whoever gets this calls ``end(holding:)``.
        case begun(RemotingClient.InboundHandler)
        /// There is no handler.
        case unknown
        /// Too much is in hand.
        /// - Parameter isNews: whether it is the first one since all that was in hand has ended.
        case full(isNews: Bool)
    }

    /// A request of so many bytes arrived.
    func begin(holding byteCount: Int) -> Begin {
        state.withLock { state in
            guard let handler = state.request else { return .unknown }
            let fits = state.byteCount + byteCount <= Self.mostRequestBytes || state.requestCount == 0
            guard state.requestCount < RemotingClient.mostServerRequests, fits else {
                defer { state.isRefusing = true }
                return .full(isNews: !state.isRefusing)
            }
            state.requestCount += 1
            state.byteCount += byteCount
            return .begun(handler)
        }
    }

    /// A request that was begun has ended.
    func end(holding byteCount: Int) {
        state.withLock { state in
            state.requestCount -= 1
            state.byteCount -= byteCount
            if state.requestCount == 0 { state.isRefusing = false }
        }
    }
}
