import RMQCommon
import RMQStore

/// A loop's copies of what shared tables say about topics and who pulls them, by the bytes of names. On the loop's thread only.
final class RouteCache {
    private let broker: BrokerState
    private let statistics: LoopStatistics
    private let topics = ByteKeyedCache<LoopTopic>()
    private let pulls = ByteKeyedCache<PullRoute>()
    private var topicsVersion: UInt64 = 0
    private var pullsVersion: UInt64 = 0

    init(_ broker: BrokerState, statistics: LoopStatistics) {
        self.broker = broker
        self.statistics = statistics
    }

    /// Forgets what others changed. Six loads when nothing did.
    func refresh() {
        let topicsVersion = broker.topics.version
        if topicsVersion != self.topicsVersion {
            self.topicsVersion = topicsVersion
            topics.removeAll()
        }
        // Each only grows, so the sum is the same only if none moved.
        let pullsVersion = topicsVersion &+ broker.groups.version &+ broker.clients.consumers.version &+ broker.offsets.version
            &+ broker.filters.version &+ broker.live.version
        if pullsVersion != self.pullsVersion {
            self.pullsVersion = pullsVersion
            pulls.removeAll()
        }
    }

    /// The topic of that name, if it exists.
    func topic(named name: String) -> LoopTopic? {
        var name = name
        return name.withUTF8 { topic(UnsafeRawBufferPointer($0)) }
    }

    func topic(_ name: UnsafeRawBufferPointer) -> LoopTopic? {
        if let route = topics.value(name) { return route }
        guard let entry = broker.topics[String(decoding: name, as: UTF8.self)] else { return nil }
        let route = topic(entry)
        topics.insert(route, name)
        return route
    }

    /// A topic that was made a moment ago. The next look-up keeps it.
    func topic(_ entry: TopicEntry) -> LoopTopic { LoopTopic(entry, store: broker.store, statistics: statistics) }

    func pull(group: UnsafeRawBufferPointer, topic: UnsafeRawBufferPointer) -> PullRoute? { pulls.value(group, topic) }

    func remember(_ route: PullRoute, group: UnsafeRawBufferPointer, topic: UnsafeRawBufferPointer) {
        pulls.insert(route, group, topic)
    }
}
