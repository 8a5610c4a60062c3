public import RMQRemoting
import RMQCommon

/// The way over the network, on one event loop of its own.
public final class NetworkTransport: CommandTransport {
    private let loops: EventLoopGroup
    private let client: RemotingClient

    public init() {
        let loops = EventLoopGroup(count: 1, name: "mqadmin")
        self.loops = loops
        client = RemotingClient(loops: loops, logger: Logger(category: "tools", sink: DiscardSink()))
    }

    public func request(
        _ command: RemotingCommand, to address: String, timeout: Duration
    ) async throws(RemotingError) -> RemotingCommand {
        try await client.request(command, to: address, timeout: timeout)
    }

    public func close() {
        client.close()
        loops.stop()
    }
}

extension AdminError {
    init(_ error: RemotingError) {
        switch error {
        case .connectFailed(let address, _): self = .unreachable(address)
        case .badAddress(let address, let reason): self = .usage("\"\(address)\" is not an address of the form host:port: \(reason)")
        case .timedOut(let address, _, let after): self = .timedOut(address: address, milliseconds: after.milliseconds)
        case .connectionClosed(let address): self = .disconnected(address: address, reason: "the server closed it")
        default: self = .unreadable("\(error)")
        }
    }
}
