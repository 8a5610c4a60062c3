public import RMQCommon
import Synchronization

/// Sends requests to servers: one connection per address, opened when it is needed and again after it was lost.
///
/// All methods may be called from any thread. Requests of concurrent callers to the same address share one write.
public final class RemotingClient: Sendable {
    /// Answers what a server asks; nil sends no answer.
    public typealias InboundHandler = @Sendable (RemotingCommand, ConnectionHandle) async -> RemotingCommand?

    /// Most requests of servers in hand at once: one that asks faster than it is answered must not fill the memory, and gets SYSTEM_BUSY.
    public static let mostServerRequests = 1_024

    private let configuration: ClientConfiguration
    private let group: EventLoopGroup
    private let logger: Logger
    private let resolve: ChannelConnector.Resolver
    private let makeTransport: TransportMaker
    private let callbacks = ClientCallbacks()

    private struct State {
        var endpoints: [ByteText: ClientEndpoint] = [:]
        var isClosed = false
    }
    private let state = Mutex(State())

    /// Opens nothing yet.
    /// - Parameter loops: have to run until the client is closed; connections are shared out among them.
    public convenience init(configuration: ClientConfiguration = .init(), loops: EventLoopGroup, logger: Logger) {
        self.init(configuration: configuration, loops: loops, logger: logger, resolve: SocketAddress.resolving)
    }

    /// - Parameters:
    ///   - resolve: finds the addresses of a name; a test hands in its own.
    ///   - makeTransport: called for each connection, on its loop.
    init(
        configuration: ClientConfiguration, loops: EventLoopGroup, logger: Logger,
        resolve: @escaping ChannelConnector.Resolver = SocketAddress.resolving,
        makeTransport: @escaping TransportMaker = PlainTransport.maker
    ) {
        self.configuration = configuration
        group = loops
        self.logger = logger
        self.resolve = resolve
        self.makeTransport = makeTransport
    }

    deinit { close() }

    /// Sends `command` to `address` (`host:port`) and waits for the answer.
    public func request(
        _ command: RemotingCommand, to address: String, timeout: Duration
    ) async throws(RemotingError) -> RemotingCommand {
        try await OutboundRequest.wait(signed(command), to: address, timeout: timeout, clock: group.clocks.monotonic) { start($0) }
    }

    /// As ``request(_:to:timeout:)``; `completion` is called once, on a loop, and must not block.
    public func send(
        _ command: RemotingCommand, to address: String, timeout: Duration,
        completion: @escaping @Sendable (Result<RemotingCommand, RemotingError>) -> Void
    ) {
        start(OutboundRequest(signed(command), to: address, timeout: timeout, clock: group.clocks.monotonic, completion: completion))
    }

    /// Sends without an answer; returns when the command is in the connection's output.
    /// - Parameter timeout: how long it may wait for a connection; nil waits as long as a connect may take.
    public func sendOneway(_ command: RemotingCommand, to address: String, timeout: Duration? = nil) async throws(RemotingError) {
        _ = try await OutboundRequest.wait(
            signed(command), to: address, timeout: timeout ?? configuration.connectTimeout, oneway: true, clock: group.clocks.monotonic
        ) { start($0) }
    }

    /// Sets what answers the requests of servers; without it they get REQUEST_CODE_NOT_SUPPORTED.
    public func setRequestHandler(_ handler: @escaping InboundHandler) { callbacks.set(request: handler) }

    /// Sets what is told the address of a connection that closed. Called on a loop; must not block.
    public func setConnectionClosedHandler(_ handler: @escaping @Sendable (String) -> Void) { callbacks.set(closed: handler) }

    /// Closes all connections; waiting and later requests fail.
    public func close() {
        let endpoints = state.withLock { state in
            state.isClosed = true
            defer { state.endpoints = [:] }
            return Array(state.endpoints.values)
        }
        for endpoint in endpoints { endpoint.loop.execute { endpoint.close() } }
    }

    /// Whatever goes to a server of this client passes here, or through a ``RemotingPeer`` with the same signer; what is added to a request later breaks its signature.
    private func signed(_ command: RemotingCommand) -> RemotingCommand {
        guard let signer = configuration.signer else { return command }
        var command = command
        signer.sign(&command)
        return command
    }

    /// A server to send to and to pull from many times; nil once the client is closed.
    ///
    /// - Parameters:
    ///   - address: `host:port`.
    ///   - serialization: how the headers of requests are written.
    public func peer(_ address: String, serialization: HeaderSerialization = .rocketmq) -> RemotingPeer? {
        endpoint(address).map { RemotingPeer($0, serialization: serialization, signer: configuration.signer) }
    }

    private func endpoint(_ address: String) -> ClientEndpoint? {
        state.withLock { state in
            if state.isClosed { return nil }
            if let known = state.endpoints[address] { return known }
            let new = ClientEndpoint(
                address, configuration: configuration, loop: group.next(), resolve: resolve, callbacks: callbacks,
                makeTransport: configuration.tls?.transport(to: address) ?? makeTransport, logger: logger)
            state.endpoints[address] = new
            return new
        }
    }

    private func start(_ request: OutboundRequest) {
        guard let endpoint = endpoint(request.address) else { return request.complete(.failure(.closed)) }
        endpoint.loop.post(PostedSend(endpoint: endpoint, request: request))
    }
}
