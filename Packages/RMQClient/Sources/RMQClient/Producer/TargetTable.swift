import RMQCommon
import Synchronization

/// Where the messages of one producer go: what it knows of each topic that it sent to, and whose turn it is there.
final class TargetTable: Sendable {
    private let group: String
    private let configuration: ProducerConfiguration
    private let core: ClientCore
    /// Knows which brokers are slow; nil when nothing is known of that.
    private let watch: SendWatch?
    private let topics = Mutex<[ByteText: TopicTargets]>([:])

    init(of group: String, _ configuration: ProducerConfiguration, _ core: ClientCore, watch: SendWatch?) {
        self.group = group
        self.configuration = configuration
        self.core = core
        self.watch = watch
    }

    /// The target whose turn it is; nil when the route has to be looked at first, or the queue was not used yet.
    func nextKnownTarget(of topic: String) -> PublishTarget? {
        let version = core.routes.version
        return topics.withLock { topics in
            guard let targets = topics[ByteText(topic)], targets.version == version else { return nil }
            return targets.nextTarget()
        }
    }

    /// The queues of a topic that take messages.
    func queues(for topic: String, deadline: MonotonicInstant) async throws(ClientError) -> [MessageQueue] {
        try await route(of: topic, deadline: deadline).publishQueues
    }

    /// The route of a topic, with at least one queue to send to.
    private func route(of topic: String, deadline: MonotonicInstant) async throws(ClientError) -> TopicRoute {
        try Validation.checkTopic(topic)
        let route = try await core.publishRoute(
            of: topic, template: configuration.automaticTopicTemplate, queueCount: configuration.automaticTopicQueueCount, deadline: deadline)
        guard !route.publishQueues.isEmpty else {
            throw ClientError(.routeNotFound, "topic \(topic) has no queue that takes messages: it is read-only, or no master of its brokers is registered")
        }
        return route
    }

    /// The next queue; nil when the route has to be looked at first.
    func nextKnownQueue(of topic: String, avoiding lastFailed: String?) -> QueueDraw? {
        let version = core.routes.version
        if let draw = nextByLatency(of: topic, version: version) { return draw }
        return topics.withLock { topics in
            guard let targets = topics[ByteText(topic)], targets.version == version else { return nil }
            return targets.draw(avoiding: lastFailed)
        }
    }

    /// The queue that the latencies of the brokers speak for; nil when these do not decide, or the route has to be looked at first.
    private func nextByLatency(of topic: String, version: Int) -> QueueDraw? {
        guard let watch else { return nil }
        let queues: [MessageQueue]? = topics.withLock { topics in
            guard let targets = topics[ByteText(topic)], targets.version == version else { return nil }
            return targets.queues
        }
        guard let queues, let place = watch.nextPlace(among: queues) else { return nil }
        // One lock after the other: the route may have changed in between.
        return topics.withLock { topics in
            guard let targets = topics[ByteText(topic)], targets.version == version, targets.queues.indices.contains(place) else { return nil }
            return targets.draw(at: place)
        }
    }

    /// The same, by the topic's route as it is now.
    func nextQueue(
        of topic: String, avoiding lastFailed: String?, deadline: MonotonicInstant
    ) async throws(ClientError) -> QueueDraw {
        try Validation.checkTarget(topic)
        let version = core.routes.version
        let route = try await route(of: topic, deadline: deadline)
        topics.withLock { _ = Self.learn(route, version: version, &$0) }
        if let draw = nextByLatency(of: topic, version: version) { return draw }
        return topics.withLock { topics in
            Self.learn(route, version: version, &topics).draw(avoiding: lastFailed)
        }
    }

    /// The target of a queue that is used for the first time.
    func resolve(_ draw: QueueDraw, of topic: String, deadline: MonotonicInstant) async throws(ClientError) -> PublishTarget {
        guard let address = draw.address else {
            return makeTarget(draw, at: try await core.master(of: draw.queue, deadline: deadline))
        }
        let target = makeTarget(draw, at: address)
        topics.withLock { $0[topic]?.remember(target, of: draw) }
        return target
    }

    /// The target of a certain queue, which the route need not name.
    func target(_ queue: MessageQueue, deadline: MonotonicInstant) async throws(ClientError) -> PublishTarget {
        if let known = knownQueue(queue) {
            return if let target = known.target { target } else { try await resolve(known, of: queue.topic, deadline: deadline) }
        }
        try Validation.checkTarget(queue.topic)
        let version = core.routes.version
        let address = try await core.master(of: queue, deadline: deadline)
        if let route = core.routes[queue.topic], !route.publishQueues.isEmpty {
            topics.withLock { _ = Self.learn(route, version: version, &$0) }
        }
        return PublishTarget(queue, at: address, hasAlternative: false, of: group, configuration, core)
    }

    private func knownQueue(_ queue: MessageQueue) -> QueueDraw? {
        let version = core.routes.version
        return topics.withLock { topics in
            guard let targets = topics[ByteText(queue.topic)], targets.version == version else { return nil }
            return targets.queues.firstIndex(of: queue).map { targets.draw(at: $0) }
        }
    }

    private static func learn(_ route: TopicRoute, version: Int, _ topics: inout [ByteText: TopicTargets]) -> TopicTargets {
        if let known = topics[route.topic] {
            known.follow(route, version: version)
            return known
        }
        let new = TopicTargets(route, version: version)
        topics[route.topic] = new
        return new
    }

    private func makeTarget(_ draw: QueueDraw, at address: String) -> PublishTarget {
        PublishTarget(draw.queue, at: address, hasAlternative: draw.hasAlternative, of: group, configuration, core)
    }
}
