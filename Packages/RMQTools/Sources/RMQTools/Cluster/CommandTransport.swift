public import RMQRemoting

/// The way of a request to a server: the network, or a test's list of answers.
public protocol CommandTransport: Sendable {
    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(RemotingError) -> RemotingCommand
    func close()
}
