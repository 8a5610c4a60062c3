import RMQCommon
import RMQRemoting
import Synchronization

/// What every role of a client shares: connections, name servers, routes, and the list of its groups.
final class ClientCore: Sendable {
    let configuration: RocketMQClient.Configuration
    let clientId: String
    let loops: EventLoopGroup
    let remoting: RemotingClient
    let groups = GroupRegistry()
    private let nameServers: Mutex<NameServers>
    private let routes = Mutex<[String: TopicRoute]>([:])
    private let isClosed = Atomic(false)

    init(_ configuration: RocketMQClient.Configuration) throws(ClientError) {
        self.configuration = configuration
        guard !configuration.nameServers.isEmpty else {
            throw ClientError(.noNameServer, "no name server address is configured")
        }
        clientId = ClientIdentity.make(address: configuration.clientAddress, instance: configuration.instanceName)
        nameServers = Mutex(NameServers(configuration.nameServers, start: Int.random(in: 0..<1000)))
        loops = EventLoopGroup(count: max(1, configuration.eventLoops), name: "client")
        remoting = RemotingClient(loops: loops, logger: configuration.logger)
        remoting.setRequestHandler { [groups] command, _ in Self.answer(command, groups) }
    }

    var logger: Logger { configuration.logger }

    // MARK: Calls

    /// Sends a request and waits for the answer, whatever its code. Cancelling the task stops the waiting.
    func request(_ command: RemotingCommand, to address: String, timeout: Duration) async throws(ClientError) -> RemotingCommand {
        guard !isClosed.load(ordering: .acquiring) else { throw .closedClient }
        var command = command
        command.serialization = configuration.headers
        do {
            return try await remoting.request(command, to: address, timeout: timeout)
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
        guard !isClosed.load(ordering: .acquiring) else { throw .closedClient }
        var command = command
        command.serialization = configuration.headers
        do {
            try await remoting.sendOneway(command, to: address)
        } catch {
            throw ClientError(error)
        }
    }

    // MARK: Name servers

    /// Asks a name server, and the others in turn when one cannot be reached.
    func callNameServer(_ command: RemotingCommand) async throws(ClientError) -> (RemotingCommand, address: String) {
        var failure = ClientError(.noNameServer, "no name server address is configured")
        for _ in configuration.nameServers {
            guard let address = nameServers.withLock({ $0.chosen }) else { break }
            do {
                return (try await call(command, at: address), address)
            } catch where error.code == .connectionFailed || error.code == .timedOut {
                nameServers.withLock { $0.failed(address) }
                failure = error
            }
        }
        throw failure
    }

    // MARK: Routes

    /// The route of a topic, asked for once and then kept fresh by `refreshRoutes`.
    func route(of topic: String) async throws(ClientError) -> TopicRoute {
        if let known = routes.withLock({ $0[topic] }) { return known }
        return try await refreshRoute(of: topic)
    }

    func knownRoute(of topic: String) -> TopicRoute? { routes.withLock { $0[topic] } }

    /// Asks for the route anew.
    @discardableResult
    func refreshRoute(of topic: String) async throws(ClientError) -> TopicRoute {
        let route = TopicRoute(topic: topic, data: try await routeData(of: topic))
        routes.withLock { $0[topic] = route }
        return route
    }

    /// Stands in for the route of a topic that does not exist: the brokers that create topics on demand.
    func adoptTemplateRoute(for topic: String, template: String, queueCount: Int32) async throws(ClientError) -> TopicRoute {
        let route = TopicRoute(topic: topic, data: try await routeData(of: template), publishLimit: queueCount)
        routes.withLock { $0[topic] = route }
        return route
    }

    func routeData(of topic: String) async throws(ClientError) -> TopicRouteData {
        let header = RouteHeader(topic: topic, acceptsStandardJSONOnly: true)
        let response: RemotingCommand
        let address: String
        do {
            (response, address) = try await callNameServer(RemotingCommand(.getRouteinfoByTopic, header: header))
        } catch where error.responseCode == .topicNotExist {
            throw ClientError(.routeNotFound, "topic \(topic) has no route", responseCode: error.responseCode, remark: error.remark)
        }
        do {
            return try TopicRouteData(body: response.body)
        } catch {
            throw .malformed("the route of \(topic)", from: address, error)
        }
    }

    /// Asks anew for every topic in use. A topic that is gone keeps its last route, as in the reference.
    func refreshRoutes() async {
        let topics = Set(routes.withLock { Array($0.keys) } + groups.subscribedTopics)
        for topic in topics where !Task.isCancelled {
            do {
                try await refreshRoute(of: topic)
            } catch {
                logger.debug("route of \(topic) not refreshed: \(error)")
            }
        }
    }

    /// Every broker address that some route names.
    var brokerAddresses: (all: Set<String>, masters: Set<String>) {
        routes.withLock { routes in
            var all: Set<String> = []
            var masters: Set<String> = []
            for addresses in routes.values.flatMap(\.brokers.values) {
                all.formUnion(addresses.values)
                if let master = addresses[0] { masters.insert(master) }
            }
            return (all, masters)
        }
    }

    /// The master of the broker that holds `queue`; asks for the route once more when it is not known.
    func master(of queue: MessageQueue) async throws(ClientError) -> String {
        if let known = knownRoute(of: queue.topic)?.master(of: queue.brokerName) { return known }
        if let found = try await refreshRoute(of: queue.topic).master(of: queue.brokerName) { return found }
        throw ClientError(.brokerNotFound, "no master of broker \(queue.brokerName) is known for topic \(queue.topic)")
    }

    // MARK: Requests from brokers

    /// Nil answers nothing.
    private static func answer(_ command: RemotingCommand, _ groups: GroupRegistry) -> RemotingCommand? {
        switch command.requestCode {
        case .notifyConsumerIdsChanged:
            if let group = try? command.header(ConsumerGroupHeader.self).consumerGroup { groups.consumer(group)?.wakeRebalance() }
            return nil
        default:
            return .response(.requestCodeNotSupported, remark: "request type \(command.code) is not supported by this client")
        }
    }

    // MARK: End

    /// Closes all connections. Roles have been closed before.
    func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        remoting.close()
        loops.stop()
    }
}

extension ClientError {
    init(_ error: RemotingError) {
        let code: Code = switch error {
        case .timedOut: .timedOut
        case .cancelled: .cancelled
        case .closed: .closed
        case .frameTooLarge: .invalidMessage
        default: .connectionFailed
        }
        self.init(code, "\(error)")
    }
}
