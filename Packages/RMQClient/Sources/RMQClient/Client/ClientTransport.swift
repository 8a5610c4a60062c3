import RMQCommon
import RMQRemoting

/// How requests of a client travel: the network, or a test's list of answers.
protocol ClientTransport: Sendable {
    /// Sends a request and waits for the answer, whatever its code.
    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) -> RemotingCommand
    /// The same, and hands the answer over on the network's thread: `completion` is called once and must not block.
    func request(
        _ command: RemotingCommand, to address: String, timeout: Duration,
        completion: @escaping @Sendable (Result<RemotingCommand, RemotingError>) -> Void)
    /// The server at an address, for sends and pulls; nil once the network is closed, and where requests travel otherwise: all of them
    /// are commands then.
    func peer(_ address: String, serialization: HeaderSerialization) -> RemotingPeer?
    /// Sends without an answer; returns when the command is in the connection's output, or throws when the time is up.
    func sendOneway(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError)
    /// Sets what answers the requests of servers, by the server's `ip:port`; nil answers nothing.
    func setRequestHandler(_ handler: @escaping @Sendable (_ command: RemotingCommand, _ server: String) async -> RemotingCommand?)
    /// Sets what is told the address of a connection that closed. Must not block.
    func setConnectionClosedHandler(_ handler: @escaping @Sendable (_ address: String) -> Void)
    /// Closes all connections; waiting and later requests fail.
    func close()
}

extension ClientTransport {
    func peer(_ address: String, serialization: HeaderSerialization) -> RemotingPeer? { nil }

    func request(
        _ command: RemotingCommand, to address: String, timeout: Duration,
        completion: @escaping @Sendable (Result<RemotingCommand, RemotingError>) -> Void
    ) {
        Task {
            do throws(RemotingError) {
                completion(.success(try await request(command, to: address, timeout: timeout)))
            } catch {
                completion(.failure(error))
            }
        }
    }
}

/// The way over TCP, on event loops of its own.
final class NetworkTransport: ClientTransport {
    private let loops: EventLoopGroup
    private let remoting: RemotingClient

    init(_ configuration: RocketMQClient.Configuration, tls: TLSClient?) {
        let loops = EventLoopGroup(count: configuration.eventLoops, name: "client")
        self.loops = loops
        var settings = ClientConfiguration(
            connectTimeout: configuration.connectTimeout, idleTimeout: configuration.idleTimeout, maxFrameBytes: configuration.maxFrameBytes,
            sendBufferBytes: configuration.sendBufferBytes)
        settings.tls = tls
        settings.signer = configuration.credentials?.signer
        remoting = RemotingClient(configuration: settings, loops: loops, logger: configuration.logger)
        http = { [logger = configuration.logger] request, timeout in await request.response(within: timeout, on: loops.next(), logger: logger) }
    }

    func peer(_ address: String, serialization: HeaderSerialization) -> RemotingPeer? {
        remoting.peer(address, serialization: serialization)
    }

    /// Over the same loops.
    let http: HTTPExchange

    func request(
        _ command: RemotingCommand, to address: String, timeout: Duration
    ) async throws(RemotingError) -> RemotingCommand {
        try await remoting.request(command, to: address, timeout: timeout)
    }

    func request(
        _ command: RemotingCommand, to address: String, timeout: Duration,
        completion: @escaping @Sendable (Result<RemotingCommand, RemotingError>) -> Void
    ) {
        remoting.send(command, to: address, timeout: timeout, completion: completion)
    }

    func sendOneway(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) {
        try await remoting.sendOneway(command, to: address, timeout: timeout)
    }

    func setRequestHandler(_ handler: @escaping @Sendable (_ command: RemotingCommand, _ server: String) async -> RemotingCommand?) {
        remoting.setRequestHandler { command, connection in await handler(command, connection.remote.description) }
    }

    func setConnectionClosedHandler(_ handler: @escaping @Sendable (_ address: String) -> Void) {
        remoting.setConnectionClosedHandler(handler)
    }

    func close() {
        remoting.close()
        loops.stop()
    }
}
