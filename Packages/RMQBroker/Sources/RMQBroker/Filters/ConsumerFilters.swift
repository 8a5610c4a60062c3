import RMQCommon
import RMQFilter
import RMQRemoting

/// The filters of all groups, and the rules by which they come, change, die and go.
///
/// A value without clock, lock or compiler: ``ConsumerFilterTable`` has one behind its lock, and compiles what it asks for.
struct ConsumerFilters {
    /// Most filters at once. Groups that read by expressions are few, as each costs something for every message.
    static let countLimit = 65_536
    /// Most bytes that all expressions have together; compiled they take some times as much.
    static let textBytesLimit = 32 << 20

    /// By topic, then by group.
    private(set) var topics: [ByteText: [ByteText: ConsumerFilter]] = [:]
    private var topicsOfGroups: [ByteText: Set<ByteText>] = [:]
    private(set) var count = 0
    private var textBytes = 0

    /// What a subscription means to what is known.
    enum Registration {
        /// It is older, or known.
        case known
        /// Its group is there again.
        case revived(ConsumerFilter)
        /// It says the same as an older one, which has its version now.
        case renewed(ConsumerFilter)
        /// It says something else than is known, or the first thing: to be compiled.
        case isNew
    }

    subscript(topic topic: String, group group: String) -> ConsumerFilter? { topics[topic]?[group] }

    /// Takes over what needs no compiler.
    mutating func register(_ subscription: SubscriptionData, of group: String) -> Registration {
        guard var known = self[topic: subscription.topic, group: group] else { return .isNew }
        let isNewer = subscription.version > known.version
        if isNewer, !isSame(subscription, known) { return .isNew }
        guard isNewer || subscription.version == known.version && known.isDead else { return .known }
        let wasDead = known.isDead
        known.version = subscription.version
        if wasDead { known.diedAt = 0 }
        topics[known.topic]?[known.group] = known
        return wasDead ? .revived(known) : .renewed(known)
    }

    private func isSame(_ subscription: SubscriptionData, _ known: ConsumerFilter) -> Bool {
        subscription.expression.isExactly(known.expression.text) && subscription.expressionType.isExactly(ConsumerFilter.type)
    }

    /// Takes a filter in, in place of the one that its group had for the topic.
    /// - Returns: false when there are too many, and its group has none now.
    mutating func insert(_ filter: ConsumerFilter) -> Bool {
        remove(topic: filter.topic, group: filter.group)
        if isFull(with: filter) {
            // Their bits are not believed any more when they come again, which is all that is lost.
            for dead in all where dead.isDead { remove(topic: dead.topic, group: dead.group) }
            if isFull(with: filter) { return false }
        }
        topics[filter.topic, default: [:]][filter.group] = filter
        topicsOfGroups[filter.group, default: []].insert(filter.topic)
        count += 1
        textBytes += filter.expression.text.utf8.count
        return true
    }

    private func isFull(with filter: ConsumerFilter) -> Bool {
        count >= Self.countLimit || textBytes + filter.expression.text.utf8.count > Self.textBytesLimit
    }

    /// - Returns: what was removed.
    @discardableResult
    mutating func remove(topic: String, group: String) -> ConsumerFilter? {
        guard let removed = topics[topic]?.removeValue(forKey: group) else { return nil }
        if topics[topic]?.isEmpty == true { topics[topic] = nil }
        topicsOfGroups[group]?.remove(topic)
        if topicsOfGroups[group]?.isEmpty == true { topicsOfGroups[group] = nil }
        count -= 1
        textBytes -= removed.expression.text.utf8.count
        return removed
    }

    /// The filters of a group die, but for topics that it still subscribes to, whichever way.
    /// - Returns: those that lived until now.
    mutating func die(group: String, exceptOf subscribed: Set<ByteText>, now: Int64) -> [ConsumerFilter] {
        var died: [ConsumerFilter] = []
        for topic in topicsOfGroups[group] ?? [] where !subscribed.contains(topic) {
            guard var filter = topics[topic]?[group], !filter.isDead else { continue }
            filter.diedAt = now
            topics[topic]?[group] = filter
            died.append(filter)
        }
        return died
    }

    /// Removes what has been dead for so many milliseconds.
    mutating func clean(deadFor span: Int64, now: Int64) -> [ConsumerFilter] {
        let gone = all.filter { $0.isDead && now - $0.diedAt >= span }
        for filter in gone { remove(topic: filter.topic, group: filter.group) }
        return gone
    }

    var all: [ConsumerFilter] { topics.values.flatMap(\.values) }

    /// What a group wants of each topic.
    func filters(of group: String) -> [ConsumerFilter] { (topicsOfGroups[group] ?? []).compactMap { topics[$0]?[group] } }
}
