import RMQCommon

/// One server address of a client, on one loop: idle, connecting, connected, or resting after a failed connect.
///
/// Unchecked `Sendable`: other threads only carry it in messages to its loop; its state is used there.
final class ClientEndpoint: StopObserver, @unchecked Sendable {
    private static let firstBackoff: Duration = .milliseconds(20)

    let loop: EventLoop
    let address: String
    /// What tasks ask of the server without a hand-over for each; open while there is a connection.
    let outbox: Outbox
    private let configuration: ClientConfiguration
    private let connector: ChannelConnector
    private let callbacks: ClientCallbacks

    private enum State {
        case idle
        case resting
        case connecting
        case connected(Connection)
        case closed
    }
    private var state = State.idle
    private var waiting = WaitingRequests()
    private var backoff = ClientEndpoint.firstBackoff
    private var isKnownToLoop = false
    private lazy var outboxAlarm = LoopAlarm(on: loop) { [weak self] in self?.checkOutbox() }

    init(
        _ address: String, configuration: ClientConfiguration, loop: EventLoop, resolve: @escaping ChannelConnector.Resolver,
        callbacks: ClientCallbacks, makeTransport: @escaping TransportMaker, logger: Logger
    ) {
        self.address = address
        self.configuration = configuration
        self.loop = loop
        self.callbacks = callbacks
        outbox = Outbox(address, limitBytes: configuration.sendBufferBytes, maxFrameBytes: configuration.maxFrameBytes)
        connector = ChannelConnector(
            address, timeout: configuration.connectTimeout, limits: configuration.limits, loop: loop, logger: logger, resolve: resolve,
            makeTransport: makeTransport)
    }

    /// Sends at once, or as soon as there is a connection.
    func send(_ request: OutboundRequest) {
        switch state {
        case .connected(let connection): return connection.send(request)
        case .closed: return request.complete(.failure(.closed))
        case .idle, .resting, .connecting: break
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

    /// The outbox has something to write, or a deadline that is nearer than those before.
    func outboxChanged() {
        let news = outbox.news()
        if news.nextCheck != .distantFuture { outboxAlarm.set(news.nextCheck) }
        if news.isFilled, case .connected(let connection) = state { connection.outboxFilled() }
    }

    private func checkOutbox() {
        let next = outbox.expire(now: loop.now)
        if next != .distantFuture { outboxAlarm.set(next) }
    }

    /// Closes the connection and fails what waits, now and later.
    func close() {
        let old = state
        state = .closed
        loop.remove(self)
        switch old {
        case .connected(let connection): connection.close()
        case .connecting: connector.cancel()
        case .idle, .resting, .closed: break
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
        state = .connecting
        connector.connect(onClose: { [weak self] in self?.lost($0) }, ended: { [weak self] in self?.connectEnded($0) })
    }

    private func connectEnded(_ result: Result<Channel, RemotingError>) {
        let channel: Channel
        switch result {
        case .success(let opened): channel = opened
        case .failure(let error): return failed(error)
        }
        let connection = Connection(channel, handler: InboundRelay(callbacks), outbox: outbox)
        channel.start(connection)
        backoff = Self.firstBackoff
        state = .connected(connection)
        outbox.open()
        for request in waiting.takeAll() {
            if request.deadline > loop.now { connection.send(request) } else { request.complete(.failure(request.timedOut)) }
        }
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

/// Tells an endpoint that its outbox has something to do.
struct OutboxNews: LoopMessage {
    let endpoint: ClientEndpoint

    func deliver(on loop: EventLoop) { endpoint.outboxChanged() }
    /// What is in the outbox ends with the endpoint's connection, which the loop closes.
    func drop() {}
}

/// A request on its way to the endpoint that sends it.
struct PostedSend: LoopMessage {
    let endpoint: ClientEndpoint
    let request: OutboundRequest

    func deliver(on loop: EventLoop) { endpoint.send(request) }
    func drop() { request.complete(.failure(.closed)) }
}
