import CRMQSystem
import Glibc
import RMQCommon

/// One server address of a client, on one loop: idle, connecting, connected, or resting after a failed connect.
///
/// Unchecked `Sendable`: other threads only carry it in messages to its loop; its state is used there.
final class ClientEndpoint: @unchecked Sendable {
    /// Requests that wait for a connect. A second's work of a busy producer; more would only time out.
    private static let waitingLimit = 65_536
    private static let firstBackoff: Int64 = 20_000_000

    let loop: EventLoop
    private let address: String
    private let configuration: ClientConfiguration
    private let callbacks: ClientCallbacks
    private let logger: Logger

    private enum State {
        case idle
        /// Until the clock reads this.
        case resting(Int64)
        case resolving
        case connecting(PendingConnect)
        case connected(Connection)
        case closed
    }
    private var state = State.idle
    private var waiting: [OutboundRequest] = []
    private var backoff = ClientEndpoint.firstBackoff
    /// Tells the attempts apart, so that what comes late from an old one is ignored.
    private var attempt = 0

    init(_ address: String, configuration: ClientConfiguration, loop: EventLoop, callbacks: ClientCallbacks, logger: Logger) {
        self.address = address
        self.configuration = configuration
        self.loop = loop
        self.callbacks = callbacks
        self.logger = logger
    }

    func send(_ request: OutboundRequest) {
        switch state {
        case .connected(let connection): return connection.send(request)
        case .closed: return request.complete(.failure(.closed))
        case .idle, .resting, .resolving, .connecting: break
        }
        guard waiting.count < Self.waitingLimit else {
            return request.complete(.failure(.overloaded(address: address, limitBytes: Self.waitingLimit)))
        }
        waiting.append(request)
        loop.scheduleLocally(at: request.deadline) { [weak self] in self?.expireWaiting() }
        if case .idle = state { connect() }
    }

    func close() {
        let old = state
        state = .closed
        switch old {
        case .connected(let connection): connection.close()
        case .connecting(let pending): pending.abandon()
        case .idle, .resting, .resolving, .closed: break
        }
        failWaiting(.closed)
    }

    private func expireWaiting() {
        let now = loop.now
        let overdue = waiting.filter { $0.deadline <= now }
        guard !overdue.isEmpty else { return }
        waiting.removeAll { $0.deadline <= now }
        for request in overdue { request.complete(.failure(request.timedOut)) }
    }

    private func failWaiting(_ error: RemotingError) {
        let requests = waiting
        waiting = []
        for request in requests { request.complete(.failure(error)) }
    }

    // MARK: Connecting

    private func connect() {
        guard let (host, port) = HostText.split(address) else {
            return failWaiting(.badAddress(address, reason: "not host:port"))
        }
        attempt += 1
        if let numeric = SocketAddress(numeric: host, port: port) { return connect(to: numeric) }
        state = .resolving
        let attempt = self.attempt
        // The system's resolver blocks, so it gets a thread of its own.
        let thread = LoopThread.start(name: "resolve") { [self] in
            let resolved = SocketAddress.resolving(host, port: port)
            loop.execute { [self] in
                guard case .resolving = state, attempt == self.attempt else { return }
                switch resolved {
                case .success(let found): connect(to: found)
                case .failure(let failure): failed(.badAddress(address, reason: failure.reason))
                }
            }
        }
        pthread_detach(thread)
    }

    private func connect(to socketAddress: SocketAddress) {
        switch Socket.connect(to: socketAddress) {
        case .failure(let failure): failed(.connectFailed(address: address, reason: failure.reason))
        case .success(let descriptor):
            let pending = PendingConnect(descriptor, loop: loop) { [weak self] code in self?.connectEnded(descriptor, socketAddress, code) }
            guard pending.start() else {
                return failed(.connectFailed(address: address, reason: "the loop cannot watch the socket"))
            }
            state = .connecting(pending)
            let attempt = self.attempt
            loop.scheduleLocally(after: configuration.connectTimeout) { [weak self] in
                guard let self, attempt == self.attempt, case .connecting(let pending) = state else { return }
                pending.abandon()
                failed(.connectFailed(address: address, reason: "no answer within \(configuration.connectTimeout)"))
            }
        }
    }

    private func connectEnded(_ descriptor: Int32, _ socketAddress: SocketAddress, _ code: Int32) {
        guard code == 0 else {
            Glibc.close(descriptor)
            return failed(.connectFailed(address: address, reason: Socket.text(code)))
        }
        let connection = Connection(
            adopting: descriptor, remote: socketAddress.host, loop: loop, limits: configuration.limits,
            handler: InboundRelay(callbacks), logger: logger
        ) { [weak self] closed in self?.lost(closed) }
        guard let connection else { return failed(.connectFailed(address: address, reason: "the loop cannot watch the socket")) }
        backoff = Self.firstBackoff
        state = .connected(connection)
        let requests = waiting
        waiting = []
        for request in requests where request.deadline > loop.now { connection.send(request) }
        for request in requests where request.deadline <= loop.now { request.complete(.failure(request.timedOut)) }
    }

    private func failed(_ error: RemotingError) {
        // Requests that arrive while the endpoint rests wait for the next attempt.
        let pause = min(backoff, configuration.maxBackoff.nanosecondsClamped)
        backoff = min(backoff * 2, configuration.maxBackoff.nanosecondsClamped)
        state = .resting(loop.now + pause)
        loop.scheduleLocally(at: loop.now + pause) { [weak self] in self?.rested() }
        failWaiting(error)
    }

    private func rested() {
        guard case .resting = state else { return }
        state = .idle
        if !waiting.isEmpty { connect() }
    }

    private func lost(_ connection: Connection) {
        if case .connected(let current) = state, current === connection { state = .idle }
        callbacks.closed?(address)
    }
}

/// A socket on its way to being connected.
private final class PendingConnect: EventSource {
    private let descriptor: Int32
    private let loop: EventLoop
    private let ended: (Int32) -> Void
    private var isWaiting = true

    /// - Parameter ended: called once with an errno or 0; owns the descriptor from then on.
    init(_ descriptor: Int32, loop: EventLoop, ended: @escaping (Int32) -> Void) {
        self.descriptor = descriptor
        self.loop = loop
        self.ended = ended
    }

    func start() -> Bool {
        if loop.watch(descriptor, id: SourceId.make(descriptor), events: .writable, self) { return true }
        Glibc.close(descriptor)
        return false
    }

    func ready(_ events: PollEvents) {
        guard isWaiting else { return }
        isWaiting = false
        loop.unwatch(descriptor)
        ended(crmq_socket_error(descriptor))
    }

    func abandon() {
        guard isWaiting else { return }
        isWaiting = false
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
    }

    func loopStopped() { abandon() }
}

/// Hands what a server asks to the client's asynchronous handler, a task each.
private final class InboundRelay: RequestHandler {
    private let callbacks: ClientCallbacks

    init(_ callbacks: ClientCallbacks) { self.callbacks = callbacks }

    func receive(_ request: InboundRequest, on connection: Connection) {
        guard let handler = callbacks.request else {
            return connection.reply(
                .response(.requestCodeNotSupported, remark: "request type \(request.code) not supported"), to: request)
        }
        guard let command = try? request.command() else { return connection.close() }
        let reply = connection.replyHandle(for: request)
        let handle = connection.handle
        Task {
            if let answer = await handler(command, handle) { reply.complete(answer) }
        }
    }
}
