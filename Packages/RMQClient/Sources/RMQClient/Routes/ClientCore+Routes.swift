import RMQCommon
import RMQRemoting

/// Where topics are. What was learnt is kept in `routes` and kept fresh by `refreshRoutes`.
extension ClientCore {
    /// The route of a topic; asked for when it is not known.
    func route(of topic: String) async throws(ClientError) -> TopicRoute {
        if let known = routes[topic] { return known }
        return try await refreshRoute(of: topic)
    }

    /// The route of a topic that exists: not what a producer of this client sends to until the topic is made.
    func existingRoute(of topic: String) async throws(ClientError) -> TopicRoute {
        if let known = routes[topic], !known.isTemplate { return known }
        return try await refreshRoute(of: topic)
    }

    /// Asks for the route again. Consumers are told when it changed.
    @discardableResult
    func refreshRoute(
        of topic: String, deadline: MonotonicInstant? = nil, limit: Duration? = nil
    ) async throws(ClientError) -> TopicRoute {
        let route = TopicRoute(topic: topic, data: try await routeData(of: topic, deadline: deadline, limit: limit))
        if routes.store(route) {
            for consumer in groups.consumers where consumer.isSubscribed(to: topic) { consumer.wakeRebalance() }
        }
        return route
    }

    /// Asks for the route again because a broker could not be reached: it may have moved, or another may have taken over.
    func refreshRouteAfterFailure(of topic: String, deadline: MonotonicInstant? = nil) async {
        guard routes.mayAskAfterFailure(topic) else { return }
        do {
            try await refreshRoute(of: topic, deadline: deadline)
        } catch {
            logger.debug("route of \(topic) not refreshed: \(error)")
        }
    }

    /// The route to send by. For a topic that does not exist: the brokers that create topics on demand.
    func publishRoute(
        of topic: String, template: String, queueCount: Int32, deadline: MonotonicInstant?
    ) async throws(ClientError) -> TopicRoute {
        if let known = routes[topic], !known.publishQueues.isEmpty { return known }
        let missing: ClientError
        do {
            return try await refreshRoute(of: topic, deadline: deadline)
        } catch where error.code == .routeNotFound {
            missing = error
        }
        do {
            let route = TopicRoute(topic: topic, data: try await routeData(of: template, deadline: deadline), publishLimit: queueCount)
            _ = routes.store(route)
            return route
        } catch where error.code == .routeNotFound {
            throw missing
        }
    }

    /// The route as a name server tells it.
    func routeData(
        of topic: String, deadline: MonotonicInstant? = nil, limit: Duration? = nil
    ) async throws(ClientError) -> TopicRouteData {
        let header = RouteHeader {
            $0.topic = topic
            $0.acceptsStandardJSONOnly = true
        }
        let response: RemotingCommand
        let address: String
        do {
            (response, address) = try await callNameServer(RemotingCommand(.getRouteinfoByTopic, header: header), deadline: deadline, limit: limit)
        } catch where error.responseCode == .topicNotExist {
            throw .routeNotFound(topic, error)
        }
        do {
            return try TopicRouteData(body: response.body)
        } catch {
            throw .malformed("the route of \(topic)", from: address, server: .nameServer(address), error)
        }
    }

    /// Asks again for every topic in use.
    func refreshRoutes() async {
        let others = Set<ByteText>(texts: groups.subscribedTopics + transactionProducers.topics)
        for topic in routes.topics.union(others).map(\.text) where !Task.isCancelled {
            do {
                try await refreshRoute(of: topic)
            } catch where error.code == .routeNotFound {
                logger.debug("route of \(topic) not refreshed: \(error)")
            } catch {
                // No name server answers, so none will for the other topics.
                return warn(of: error, "routes not refreshed: \(error)")
            }
        }
    }

    /// The master of the broker that holds `queue`; asks for the route once more when it is not known.
    func master(of queue: MessageQueue, deadline: MonotonicInstant? = nil) async throws(ClientError) -> String {
        if let known = routes[queue.topic]?.master(of: queue.brokerName) { return known }
        if let found = try await refreshRoute(of: queue.topic, deadline: deadline).master(of: queue.brokerName) { return found }
        throw ClientError(
            .brokerNotFound, "the route of topic \(queue.topic) names no master of broker \(queue.brokerName); is that broker running and registered?")
    }

    /// Where `queue` can be read: at broker `brokerId` of its set when that is there.
    func reader(
        of queue: MessageQueue, preferring brokerId: Int64 = 0
    ) async throws(ClientError) -> (address: String, isMaster: Bool) {
        var route = try await route(of: queue.topic)
        if route.reader(of: queue.brokerName, preferring: brokerId) == nil { route = try await refreshRoute(of: queue.topic) }
        guard let address = route.reader(of: queue.brokerName, preferring: brokerId) else {
            throw ClientError(
                .brokerNotFound, "the route of topic \(queue.topic) names no broker \(queue.brokerName); is that broker running and registered?")
        }
        return (address, route.master(of: queue.brokerName).isExactly(address))
    }
}
