public import RMQCommon

/// Opens channels to one address: looks its name up, and tries the addresses of that name one after the other.
///
///     idle ──► resolving (a name only) ──► connecting ──► greeting (what the transport has to say first) ──► idle
///
/// One attempt at a time. Belongs to its loop's thread; its owner keeps it for as long as an attempt runs.
public final class ChannelConnector {
    /// Finds the addresses of a name; may block.
    typealias Resolver = @Sendable (_ host: String, _ port: UInt16) -> Result<[SocketAddress], SocketAddress.ResolveFailure>

    private let address: String
    private let timeout: Duration
    private let limits: ChannelLimits
    private let loop: EventLoop
    private let logger: Logger
    private let resolve: Resolver
    private let makeTransport: TransportMaker

    private struct Attempt {
        let onClose: (Channel) -> Void
        let ended: (Result<Channel, RemotingError>) -> Void
    }
    private enum State {
        case idle
        case resolving(Attempt)
        case connecting(PendingConnect, Attempt)
        case greeting(Channel, Attempt)
    }
    private var state = State.idle

    /// - Parameters:
    ///   - address: `host:port`.
    ///   - timeout: how long a connect to one address may take, and then what its transport has to say first.
    public convenience init(
        _ address: String, timeout: Duration, limits: ChannelLimits, loop: EventLoop, logger: Logger,
        makeTransport: @escaping TransportMaker = PlainTransport.maker
    ) {
        self.init(
            address, timeout: timeout, limits: limits, loop: loop, logger: logger, resolve: SocketAddress.resolving,
            makeTransport: makeTransport)
    }

    init(
        _ address: String, timeout: Duration, limits: ChannelLimits, loop: EventLoop, logger: Logger, resolve: @escaping Resolver,
        makeTransport: @escaping TransportMaker
    ) {
        self.address = address
        self.timeout = timeout
        self.limits = limits
        self.loop = loop
        self.logger = logger
        self.resolve = resolve
        self.makeTransport = makeTransport
    }

    /// Begins an attempt, while none runs.
    ///
    /// - Parameters:
    ///   - onClose: called within ``Channel/close()``.
    ///   - ended: called once, perhaps before this returns, with a channel that waits for its ``Channel/start(_:)``. Not
    ///     called after ``cancel()``, nor when the loop ends first.
    public func connect(
        onClose: @escaping (Channel) -> Void = { _ in }, ended: @escaping (Result<Channel, RemotingError>) -> Void
    ) {
        guard case .idle = state else { preconditionFailure("a connector was asked for a second attempt while one runs") }
        let attempt = Attempt(onClose: onClose, ended: ended)
        guard let place = HostPort(address), place.port > 0 else {
            return ended(.failure(.badAddress(address, reason: "not host:port")))
        }
        if let numeric = SocketAddress(numeric: place.host, port: place.port) { return connect(to: [numeric], attempt) }
        state = .resolving(attempt)
        // The system's resolver blocks, so it gets a thread of its own.
        let bound = LoopBound(self, loop: loop)
        let thread = SystemThread(name: "resolve") { [resolve] in
            let result = resolve(place.host, place.port)
            bound.post { $0.resolved(result) }
        }
        guard let thread else { return end(attempt, .connectFailed(address: address, reason: "no thread to look up its name")) }
        thread.detach()
    }

    /// Gives the attempt up that runs, if one does.
    public func cancel() {
        let old = state
        state = .idle
        switch old {
        case .connecting(let pending, _): pending.abandon()
        case .greeting(let channel, _): channel.close()
        case .idle, .resolving: break
        }
    }

    /// The answer to an attempt that was given up serves the next one: it is about the same name.
    private func resolved(_ result: Result<[SocketAddress], SocketAddress.ResolveFailure>) {
        guard case .resolving(let attempt) = state else { return }
        switch result {
        case .success(let found): connect(to: found[...], attempt)
        case .failure(let failure): end(attempt, .badAddress(address, reason: failure.reason))
        }
    }

    private func connect(to addresses: ArraySlice<SocketAddress>, _ attempt: Attempt) {
        guard let next = addresses.first else { return end(attempt, .badAddress(address, reason: "no address")) }
        let rest = addresses.dropFirst()
        let pending: PendingConnect
        do {
            pending = PendingConnect(try Socket.connect(to: next), loop: loop) { [weak self] pending, code in
                self?.connectEnded(pending, next.host, code, left: rest, attempt)
            }
        } catch {
            return missed(error.reason, left: rest, attempt)
        }
        guard pending.start() else { return missed("the loop cannot watch the socket", left: rest, attempt) }
        state = .connecting(pending, attempt)
        loop.scheduleLocally(after: timeout) { [weak self] in
            guard let self, case .connecting(let current, _) = state, current === pending else { return }
            pending.abandon()
            missed("no answer within \(timeout)", left: rest, attempt)
        }
    }

    private func connectEnded(
        _ pending: PendingConnect, _ remote: HostAddress, _ code: Int32, left rest: ArraySlice<SocketAddress>, _ attempt: Attempt
    ) {
        guard code == 0, let socket = pending.takeSocket() else { return missed(Socket.text(code), left: rest, attempt) }
        let channel = Channel(
            socket, remote: remote, loop: loop, transport: makeTransport(), limits: limits, logger: logger
        ) { [weak self] channel in
            guard let self else { return attempt.onClose(channel) }
            channelClosed(channel, left: rest, attempt)
        }
        guard let channel else { return missed("the loop cannot watch the socket", left: rest, attempt) }
        state = .greeting(channel, attempt)
        channel.whenOpen { [weak self] in
            guard let self, case .greeting(let current, _) = state, current === channel else { return }
            state = .idle
            attempt.ended(.success(channel))
        }
        guard case .greeting = state else { return }
        loop.scheduleLocally(after: timeout) { [weak self] in
            guard let self, case .greeting(let current, _) = state, current === channel else { return }
            channel.refuse("no TLS handshake within \(timeout)")
        }
    }

    private func channelClosed(_ channel: Channel, left rest: ArraySlice<SocketAddress>, _ attempt: Attempt) {
        guard case .greeting(let current, _) = state, current === channel else { return attempt.onClose(channel) }
        missed(channel.refusal ?? "closed by the server before the TLS handshake ended", left: rest, attempt)
    }

    private func missed(_ reason: String, left rest: ArraySlice<SocketAddress>, _ attempt: Attempt) {
        if rest.isEmpty { end(attempt, .connectFailed(address: address, reason: reason)) } else { connect(to: rest, attempt) }
    }

    private func end(_ attempt: Attempt, _ error: RemotingError) {
        state = .idle
        attempt.ended(.failure(error))
    }
}
