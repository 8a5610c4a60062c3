/// The queues of one topic as one producer sends to them, and whose turn it is. Those that are used get a target, when they are first used.
///
/// Belongs to whoever holds the lock of its ``TargetTable``.
final class TopicTargets {
    private var route: TopicRoute
    /// Of all routes, when this one was taken.
    private(set) var version: Int
    /// Whether another broker can be tried.
    private var hasSeveralBrokers = false
    private var targets: [PublishTarget?] = []
    private var rotation = QueueRotation(start: .random(in: 0...1000))

    /// - Parameters:
    ///   - route: with at least one queue to send to.
    ///   - version: that of all routes, read before the route was.
    init(_ route: TopicRoute, version: Int) {
        self.route = route
        self.version = version
        forgetTargets()
    }

    /// The queues by broker name and id.
    var queues: [MessageQueue] { route.publishQueues }

    /// Goes on with another route, with the next queue in turn.
    func follow(_ newRoute: TopicRoute, version: Int) {
        guard version > self.version else { return }
        self.version = version
        guard newRoute != route else { return }
        route = newRoute
        forgetTargets()
    }

    private func forgetTargets() {
        targets = Array(repeating: nil, count: queues.count)
        // The queues of a broker stand together: with two brokers the ends differ.
        hasSeveralBrokers = !queues[0].brokerName.isExactly(queues[queues.count - 1].brokerName)
    }

    /// The next queue, of another broker than `lastFailed` where there is one.
    func draw(avoiding lastFailed: String?) -> QueueDraw {
        let place = rotation.nextIndex(of: queues, avoiding: lastFailed)
        return draw(at: place)
    }

    /// The queue at a place.
    func draw(at place: Int) -> QueueDraw {
        let target = targets[place]
        return QueueDraw(
            target: target, place: place, version: version, unresolved: target == nil ? queues[place] : nil,
            address: target == nil ? route.master(of: queues[place].brokerName) : nil, hasAlternative: hasSeveralBrokers)
    }

    /// The next queue's target; nil, and still that queue's turn, where there is none yet.
    func nextTarget() -> PublishTarget? {
        var next = rotation
        guard let target = targets[next.nextIndex(of: queues, avoiding: nil)] else { return nil }
        rotation = next
        return target
    }

    /// Keeps the target of a queue that was drawn, unless the route has changed since.
    func remember(_ target: PublishTarget, of draw: QueueDraw) {
        if draw.version == version { targets[draw.place] = target }
    }
}
