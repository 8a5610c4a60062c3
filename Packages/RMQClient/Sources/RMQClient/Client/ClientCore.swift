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
    /// Where names of the application become names of servers, and back: for what is public of a role, and nothing below it.
    let namespace: ClientNamespace
    let nameServers: Mutex<NameServers>
    /// The name servers are looked up by one task at a time.
    let lookUps = SerialGate()
    /// How they are looked up; nil without a network.
    let http: HTTPExchange?
    let transactionProducers = TransactionProducers()
    /// Requests that wait for replies.
    let replies = ReplyTable()
    /// Which brokers know this client.
    let introductions = Mutex(Introductions())
    /// What brokers answered to heartbeats, by address.
    let brokerVersions = Mutex<[ByteText: ProtocolVersion]>([:])
    /// Nil while tracing is off.
    let tracer: Tracer?
    /// Who answers what servers ask.
    let serverRequests: ServerRequests
    let transport: any ClientTransport
    private let closed = Atomic(false)

    /// - Parameter configuration: checked. An ``Admin`` alone may come without a name server: brokers are asked by address.
    init(_ configuration: RocketMQClient.Configuration, transport: any ClientTransport, http: HTTPExchange? = nil) {
        self.configuration = configuration
        clientId = ClientIdentity.make(configuration)
        namespace = ClientNamespace(configuration.effectiveNamespace)
        nameServers = Mutex(NameServers(configuration.nameServerAddresses, start: Int.random(in: 0..<1000)))
        self.http = http
        tracer = configuration.tracing.topic.map { Tracer(topic: $0, channel: configuration.accessChannel) }
        self.transport = transport
        serverRequests = ServerRequests(logger: configuration.logger)
        transport.setRequestHandler { [serverRequests] command, server in await serverRequests.answer(command, from: server) }
        registerHandlers()
    }

    /// Over the network. Nothing is opened until something is asked for.
    /// - Throws: `invalidConfiguration` for certificates and keys that cannot be used.
    convenience init(checked configuration: RocketMQClient.Configuration) throws(ClientError) {
        self.init(configuration, tls: try configuration.tls?.client(configuration.logger))
    }

    /// - Parameter tls: what the configuration says of it; nil: connections are plain.
    convenience init(_ configuration: RocketMQClient.Configuration, tls: TLSClient? = nil) {
        let network = NetworkTransport(configuration, tls: tls)
        self.init(configuration, transport: network, http: network.http)
    }

    var logger: Logger { configuration.logger }
    var isClosed: Bool { closed.load(ordering: .acquiring) }

    /// Logs what failed in the background, unless it was only cut short by the end of a role or of the client.
    func warn(of error: any Error, _ text: @autoclosure () -> String) {
        if let error = error as? ClientError, error.code == .cancelled || error.code == .closed { return }
        logger.warning(text())
    }

    /// A broadcasting consumer keeps its offsets under the client's id: where that is new at each start, none is ever found again.
    func warnOfOffsets(of group: String, _ model: ConsumptionModel) {
        guard case .broadcasting = model, case .unique = configuration.instanceName else { return }
        logger.warning(
            "group \(group) is broadcasting, and its offsets are lost with this client: set Configuration.instanceName to .fixed, with a name of its own for each process of the machine")
    }

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

    /// Sends a request that is not answered.
    /// - Parameter timeout: for the connection, should there be none; nil takes the time-out of requests.
    func sendOneway(_ command: RemotingCommand, to address: String, timeout: Duration? = nil) async throws(ClientError) {
        guard !isClosed else { throw .closedClient }
        let timeout = timeout ?? configuration.requestTimeout
        guard timeout > .zero else { throw ClientError(.timedOut, "no time was left to send \(command.requestCode) to \(address)") }
        var command = command
        command.setSerialization(preferring: configuration.headers)
        do {
            try await transport.sendOneway(command, to: address, timeout: timeout)
        } catch {
            throw ClientError(error)
        }
    }

    private func registerHandlers() {
        let questions = ClientQuestions(groups: groups, statistics: statistics, nameServers: { [weak self] in self?.nameServerAddresses ?? [] }, logger: logger)
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
