import Glibc
import RMQCommon

/// One server address of a client, on one loop: idle, connecting, connected, or resting after a failed connect.
///
/// Unchecked `Sendable`: other threads only carry it in messages to its loop; its state is used there.
final class ClientEndpoint: StopObserver, @unchecked Sendable {
    /// Finds the addresses of a name; may block.
    typealias Resolver = @Sendable (_ host: String, _ port: UInt16) -> Result<[SocketAddress], SocketAddress.ResolveFailure>

    private static let firstBackoff: Duration = .milliseconds(20)

    let loop: EventLoop
    private let address: String
    private let configuration: ClientConfiguration
    private let resolve: Resolver
    private let callbacks: ClientCallbacks
    private let makeTransport: TransportMaker
    private let logger: Logger

    private enum State {
        case idle
        case resting
        case resolving
        case connecting(PendingConnect)
        case connected(Connection)
        case closed
    }
    private var state = State.idle
    private var waiting = WaitingRequests()
    private var backoff = ClientEndpoint.firstBackoff
    private var isKnownToLoop = false

    init(
        _ address: String, configuration: ClientConfiguration, loop: EventLoop, resolve: @escaping Resolver,
        callbacks: ClientCallbacks, makeTransport: @escaping TransportMaker, logger: Logger
    ) {
        self.address = address
        self.configuration = configuration
        self.loop = loop
        self.resolve = resolve
        self.callbacks = callbacks
        self.makeTransport = makeTransport
        self.logger = logger
    }

    /// Sends at once, or as soon as there is a connection.
    func send(_ request: OutboundRequest) {
        switch state {
        case .connected(let connection): return connection.send(request)
        case .closed: return request.complete(.failure(.closed))
        case .idle, .resting, .resolving, .connecting: break
        }
        // What waits for a connection is bounded like what waits to be written to one.
        guard waiting.byteCount + request.frame.count <= configuration.outputLimitBytes else {
            return request.complete(.failure(.overloaded(address: address, limitBytes: configuration.outputLimitBytes)))
        }
        if !isKnownToLoop {
            isKnownToLoop = true
            loop.add(self)
        }
        if waiting.add(request) { scheduleTimeouts() }
        if case .idle = state { connect() }
    }

    /// Closes the connection and fails what waits, now and later.
    func close() {
        let old = state
        state = .closed
        loop.remove(self)
        switch old {
        case .connected(let connection): connection.close()
        case .connecting(let pending): pending.abandon()
        case .idle, .resting, .resolving, .closed: break
        }
        failWaiting(.closed)
    }

    func loopStopped() { close() }

    private func scheduleTimeouts() {
        guard let next = waiting.nextCheck else { return }
        loop.scheduleLocally(at: next) { [weak self] in
            guard let self, waiting.expire(now: loop.now) else { return }
            scheduleTimeouts()
        }
    }

    private func failWaiting(_ error: RemotingError) {
        for request in waiting.takeAll() { request.complete(.failure(error)) }
    }

    // MARK: Connecting

    private func connect() {
        guard let (host, port) = HostText.split(address) else {
            return failWaiting(.badAddress(address, reason: "not host:port"))
        }
        if let numeric = SocketAddress(numeric: host, port: port) { return connect(to: [numeric]) }
        state = .resolving
        // The system's resolver blocks, so it gets a thread of its own: one at a time, since the state leads here only once.
        let thread = LoopThread.start(name: "resolve") { [self] in
            let resolved = resolve(host, port)
            loop.execute { [self] in
                guard case .resolving = state else { return }
                switch resolved {
                case .success(let found): connect(to: found[...])
                case .failure(let failure): failed(.badAddress(address, reason: failure.reason))
                }
            }
        }
        guard let thread else { return failed(.connectFailed(address: address, reason: "no thread to look up its name")) }
        pthread_detach(thread)
    }

    /// Tries the addresses of a name, one after the other.
    private func connect(to addresses: ArraySlice<SocketAddress>) {
        guard let next = addresses.first else { return failed(.badAddress(address, reason: "no address")) }
        let rest = addresses.dropFirst()
        let pending: PendingConnect
        do {
            pending = PendingConnect(try Socket.connect(to: next), loop: loop) { [self] pending, code in
                connectEnded(pending, next, code, left: rest)
            }
        } catch {
            return missed(error.reason, left: rest)
        }
        guard pending.start() else { return missed("the loop cannot watch the socket", left: rest) }
        state = .connecting(pending)
        loop.scheduleLocally(after: configuration.connectTimeout) { [weak self] in
            guard let self, case .connecting(let current) = state, current === pending else { return }
            pending.abandon()
            missed("no answer within \(configuration.connectTimeout)", left: rest)
        }
    }

    private func connectEnded(_ pending: PendingConnect, _ address: SocketAddress, _ code: Int32, left rest: ArraySlice<SocketAddress>) {
        guard code == 0, let socket = pending.takeSocket() else { return missed(Socket.text(code), left: rest) }
        let channel = Channel(
            socket, remote: address.host, loop: loop, transport: makeTransport(), limits: configuration.limits, logger: logger
        ) { [weak self] closed in self?.lost(closed) }
        guard let channel else { return missed("the loop cannot watch the socket", left: rest) }
        let connection = Connection(channel, handler: InboundRelay(callbacks))
        channel.start(connection)
        backoff = Self.firstBackoff
        state = .connected(connection)
        for request in waiting.takeAll() {
            if request.deadline > loop.now { connection.send(request) } else { request.complete(.failure(request.timedOut)) }
        }
    }

    private func missed(_ reason: String, left rest: ArraySlice<SocketAddress>) {
        if rest.isEmpty { failed(.connectFailed(address: address, reason: reason)) } else { connect(to: rest) }
    }

    private func failed(_ error: RemotingError) {
        // Requests that arrive while the endpoint rests wait for the next attempt.
        let pause = min(backoff, configuration.maxBackoff)
        backoff = min(backoff * 2, configuration.maxBackoff)
        state = .resting
        loop.scheduleLocally(after: pause) { [weak self] in self?.rested() }
        failWaiting(error)
    }

    private func rested() {
        guard case .resting = state else { return }
        state = .idle
        if !waiting.isEmpty { connect() }
    }

    private func lost(_ channel: Channel) {
        if case .connected(let current) = state, current.channel === channel { state = .idle }
        callbacks.closed?(address)
    }
}

/// A request on its way to the endpoint that sends it.
struct PostedSend: LoopMessage {
    let endpoint: ClientEndpoint
    let request: OutboundRequest

    func deliver(on loop: EventLoop) { endpoint.send(request) }
    func drop() { request.complete(.failure(.closed)) }
}
