import RMQCommon
import RMQRemoting

/// How requests of a client travel: the network, or a test's list of answers.
protocol ClientTransport: Sendable {
    /// Sends a request and waits for the answer, whatever its code.
    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) -> RemotingCommand
    /// Sends without an answer; returns when the command is in the connection's output.
    func sendOneway(_ command: RemotingCommand, to address: String) async throws(RemotingError)
    /// Sets what answers the requests of servers; nil answers nothing.
    func setRequestHandler(_ handler: @escaping @Sendable (RemotingCommand) -> RemotingCommand?)
    /// Closes all connections; waiting and later requests fail.
    func close()
}

/// The way over TCP, on event loops of its own.
final class NetworkTransport: ClientTransport {
    private let loops: EventLoopGroup
    private let remoting: RemotingClient

    init(_ configuration: RocketMQClient.Configuration) {
        let loops = EventLoopGroup(count: configuration.eventLoops, name: "client")
        self.loops = loops
        var settings = ClientConfiguration(
            connectTimeout: configuration.connectTimeout, idleTimeout: configuration.idleTimeout, maxFrameBytes: configuration.maxFrameBytes)
        settings.signer = configuration.credentials?.signer
        remoting = RemotingClient(configuration: settings, loops: loops, logger: configuration.logger)
        http = { [logger = configuration.logger] request, timeout in await request.response(within: timeout, on: loops.next(), logger: logger) }
    }

    /// Over the same loops.
    let http: HTTPExchange

    func request(
        _ command: RemotingCommand, to address: String, timeout: Duration
    ) async throws(RemotingError) -> RemotingCommand {
        try await remoting.request(command, to: address, timeout: timeout)
    }

    func sendOneway(_ command: RemotingCommand, to address: String) async throws(RemotingError) {
        try await remoting.sendOneway(command, to: address)
    }

    func setRequestHandler(_ handler: @escaping @Sendable (RemotingCommand) -> RemotingCommand?) {
        remoting.setRequestHandler { command, _ in handler(command) }
    }

    func close() {
        remoting.close()
        loops.stop()
    }
}
