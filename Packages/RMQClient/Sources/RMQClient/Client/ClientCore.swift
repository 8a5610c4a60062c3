import RMQCommon
import RMQRemoting
import Synchronization

/// What every role of a client shares: connections, name servers, routes, and the list of its groups.
final class ClientCore: Sendable {
    let configuration: RocketMQClient.Configuration
    let clientId: String
    let groups = GroupRegistry()
    let statistics = ClientStatistics()
    let routes = KnownRoutes()
    /// Heartbeats and unregistering, one at a time: a heartbeat that was composed before a group left must not arrive after it.
    let announcements = SerialGate()
    /// Rounds of heartbeats that have begun.
    let heartbeatRounds = Atomic(0)
    let transactionProducers = TransactionProducers()
    /// Requests that wait for replies.
    let replies = ReplyTable()
    /// Which brokers know this client.
    let introductions = Mutex(Introductions())
    /// Nil while tracing is off.
    let tracer: Tracer?
    /// Who answers what servers ask.
    let serverRequests: ServerRequests
    let transport: any ClientTransport
    private let nameServers: Mutex<NameServers>
    private let closed = Atomic(false)

    /// - Parameter configuration: checked. An ``Admin`` alone may come without a name server: brokers are asked by address.
    init(_ configuration: RocketMQClient.Configuration, transport: any ClientTransport) {
        self.configuration = configuration
        clientId = ClientIdentity.make(address: configuration.clientAddress, instance: configuration.instanceName)
        tracer = configuration.tracing.topic.map { Tracer(topic: $0) }
        nameServers = Mutex(NameServers(configuration.nameServers, start: Int.random(in: 0..<1000)))
        self.transport = transport
        serverRequests = ServerRequests(logger: configuration.logger)
        transport.setRequestHandler { [serverRequests] command, server in await serverRequests.answer(command, from: server) }
        registerHandlers()
    }

    /// Over the network. Nothing is opened until something is asked for.
    convenience init(_ configuration: RocketMQClient.Configuration) {
        self.init(configuration, transport: NetworkTransport(configuration))
    }

    var logger: Logger { configuration.logger }
    var isClosed: Bool { closed.load(ordering: .acquiring) }

    // MARK: Calls

    /// Sends a request and waits for the answer, whatever its code. Cancelling the task stops the waiting.
    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(ClientError) -> RemotingCommand {
        guard !isClosed else { throw .closedClient }
        guard timeout > .zero else { throw ClientError(.timedOut, "no time was left to ask \(address) for \(command.requestCode)") }
        var command = command
        command.setSerialization(preferring: configuration.headers)
        do {
            return try await transport.request(command, to: address, timeout: timeout)
        } catch {
            throw ClientError(error)
        }
    }

    /// Sends a request and returns the answer when its code is success.
    func call(_ command: RemotingCommand, at address: String, timeout: Duration? = nil) async throws(ClientError) -> RemotingCommand {
        let response = try await request(command, to: address, timeout: timeout ?? configuration.requestTimeout)
        guard response.responseCode == .success else {
            throw .refused(response, by: address, asked: "\(command.requestCode)")
        }
        return response
    }

    func sendOneway(_ command: RemotingCommand, to address: String) async throws(ClientError) {
        guard !isClosed else { throw .closedClient }
        var command = command
        command.setSerialization(preferring: configuration.headers)
        do {
            try await transport.sendOneway(command, to: address)
        } catch {
            throw ClientError(error)
        }
    }

    /// Asks a name server, and the others in turn when one does not answer.
    /// - Parameters:
    ///   - deadline: what is left until then is shared out among the name servers; nil gives each `limit`.
    ///   - limit: longest wait for one of them; nil takes `requestTimeout`.
    func callNameServer(
        _ command: RemotingCommand, deadline: MonotonicInstant? = nil, limit: Duration? = nil
    ) async throws(ClientError) -> (RemotingCommand, address: String) {
        guard !configuration.nameServers.isEmpty else { throw .noNameServer }
        var failures: [ClientError] = []
        for left in stride(from: configuration.nameServers.count, to: 0, by: -1) {
            guard let address = nameServers.withLock({ $0.chosen }) else { break }
            var timeout = limit ?? configuration.requestTimeout
            if let deadline { timeout = min(timeout, (deadline - .now) / left) }
            do {
                return (try await call(command, atNameServer: address, timeout: timeout), address)
            } catch where error.isConnectionFailure || error.code == .timedOut {
                nameServers.withLock { $0.failed(address) }
                failures.append(error)
            }
        }
        throw .noNameServerAnswered(failures, asked: configuration.nameServers)
    }

    /// Asks one name server and no other.
    func call(
        _ command: RemotingCommand, atNameServer address: String, timeout: Duration
    ) async throws(ClientError) -> RemotingCommand {
        do {
            return try await call(command, at: address, timeout: timeout)
        } catch {
            var error = error
            error.server = .nameServer(address)
            throw error
        }
    }

    private func registerHandlers() {
        let questions = ClientQuestions(groups: groups, statistics: statistics, nameServers: configuration.nameServers, logger: logger)
        questions.register(at: serverRequests)
        serverRequests.register(.checkTransactionState) { [transactionProducers, logger] request in
            try transactionProducers.receive(request, logger: logger)
            return nil
        }
        serverRequests.register(.pushReplyMessageToClient) { [replies, logger] request in replies.receive(request, logger: logger) }
        transport.setConnectionClosedHandler { [weak self] address in self?.introductions.withLock { $0.lost(address) } }
    }

    // MARK: End

    /// Closes all connections. Roles have been closed before.
    func close() {
        guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        transport.close()
        serverRequests.close()
        replies.failAll(.closedClient)
    }
}
