import RMQCommon
import RMQRemoting
import Synchronization

/// What keeps the name servers informed: a first registration, one every now and then, and a farewell.
final class RegistrationService: Service {
    private let loops: EventLoopGroup
    private let configuration: BrokerConfiguration
    private let broker: BrokerState
    private let listener: ListenerService
    private let connections: OutgoingConnections
    private let running = Mutex<Running?>(nil)

    private struct Running {
        let client: RemotingClient
        let registration: NameServerRegistration
        let periodic: PeriodicWork
    }

    init(_ loops: EventLoopGroup, _ configuration: BrokerConfiguration, _ broker: BrokerState, listener: ListenerService, connections: OutgoingConnections) {
        self.loops = loops
        self.connections = connections
        self.configuration = configuration
        self.broker = broker
        self.listener = listener
    }

    /// Returns once the first name server took the registration, or all failed to in time; the others go on meanwhile.
    func start() {
        if let warning = configuration.addressWarning(ownAddress: NetworkInterfaces.advertisedAddress().host) { broker.logger.warning(warning) }
        let client = RemotingClient(configuration: connections.clientConfiguration, loops: loops, logger: broker.logger.with(.remoting))
        let registration = NameServerRegistration(
            configuration: configuration, port: listener.port, broker: broker, client: client, account: connections.account)
        broker.registration = registration
        let registered = Latch()
        registration.registerAll(accepted: { registered.open() }, completion: { registered.open() })
        registered.wait(for: .milliseconds(configuration.registerTimeoutMilliseconds))
        let live = broker.live
        let periodic = PeriodicWork(
            "registration", on: loops.next(), every: .milliseconds(min(max(live.current.registerPeriodMilliseconds, 10_000), 60_000)),
            by: broker.workers.background
        ) {
            registration.registerPeriodically()
        }
        periodic.start()
        running.withLock { $0 = Running(client: client, registration: registration, periodic: periodic) }
    }

    func stop() {
        broker.registration = nil
        let ending = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let ending else { return }
        ending.periodic.stop()
        let unregistered = Latch()
        ending.registration.unregister { unregistered.open() }
        unregistered.wait(for: .seconds(3))
        ending.client.close()
    }
}
