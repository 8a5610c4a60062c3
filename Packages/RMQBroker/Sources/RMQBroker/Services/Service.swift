import RMQRemoting

/// A part of a broker that works from the broker's start to its stop and owns what it needs for that.
protocol Service: Sendable {
    func start() throws(BrokerError)
    /// Ends what ``start()`` began, and waits for its end. What failed to start is not stopped.
    func stop()
}

/// The services of a running broker, in the order in which one needs another.
struct ServiceList {
    private let services: [any Service]

    /// Starts one after the other. When one cannot, those before it are stopped again.
    init(starting services: [any Service]) throws(BrokerError) {
        self.services = services
        for (index, service) in services.enumerated() {
            do throws(BrokerError) {
                try service.start()
            } catch {
                for started in services[..<index].reversed() { started.stop() }
                throw error
            }
        }
    }

    /// Last one first.
    func stop() {
        for service in services.reversed() { service.stop() }
    }
}

extension PeriodicWork: Service {}
