import RMQCommon
import RMQRemoting

extension SubscriptionData {
    /// Whether it is one by tags, as it is when nothing is said.
    var isTag: Bool { expressionType.isEmpty || expressionType.isExactly("TAG") }
}

/// A consumer group that has members: what they said in their heartbeats. The last one counts, whoever sent it.
struct ConsumerGroup: Sendable {
    var consumeType: ConsumeType
    var messageModel: MessageModel
    var consumeFromWhere: ConsumeFromWhere
    var subscriptions: [ByteText: SubscriptionData] = [:]
    var channels: [UInt64: ClientChannel] = [:]
    /// The connection whose heartbeat was the last one.
    private var lastHeard: UInt64?
    /// When it was last said that members differ.
    private var disagreedAt: MonotonicInstant?

    /// A group whose members differ is named again after so long: whoever did not see the line, sees the next one.
    static let disagreementPause: Duration = .seconds(600)

    /// A group that nobody is in yet.
    init(of consumer: ConsumerData) {
        consumeType = consumer.consumeType
        messageModel = consumer.messageModel
        consumeFromWhere = consumer.consumeFromWhere
    }

    var clientIds: [String] { Set<ByteText>(texts: channels.values.map(\.clientId)).map(\.text) }

    /// What changed with a heartbeat.
    struct Change {
        /// False when there are too many groups.
        var isTaken = true
        /// There is a new member, or the group subscribes to other topics: all members have to divide the queues again.
        var concernsMembers = false
        /// A held pull may be answered differently now.
        var concernsPulls = false
        var events: [ConsumerEvent] = []
    }

    /// Takes over what a member says.
    mutating func update(_ channel: ClientChannel, _ consumer: ConsumerData) -> Change {
        var change = Change(concernsPulls: messageModel != consumer.messageModel || channels.isEmpty)
        if let disagreement = disagreement(channel, consumer) { change.events.append(disagreement) }
        lastHeard = channel.connection.id
        consumeType = consumer.consumeType
        messageModel = consumer.messageModel
        consumeFromWhere = consumer.consumeFromWhere
        if let old = channels.updateValue(channel, forKey: channel.connection.id) {
            if !old.clientId.isExactly(channel.clientId) { change.events.append(.renamed(from: old)) }
        } else {
            change.concernsMembers = true
            change.events.append(.connected)
        }
        subscribe(consumer.subscriptions.prefix(ClientLimit.subscriptionsPerGroup), &change)
        return change
    }

    /// The heartbeat of any member states the subscriptions of all: what it does not name is gone.
    private mutating func subscribe(_ heartbeat: ArraySlice<SubscriptionData>, _ change: inout Change) {
        var named: Set<ByteText> = []
        for subscription in heartbeat {
            named.insert(subscription.topic)
            if let known = subscriptions[subscription.topic] {
                guard subscription.version > known.version else { continue }
                if consumeType == .passively { change.events.append(.topicChanged(from: known, to: subscription)) }
            } else {
                change.concernsMembers = true
                change.events.append(.topicAdded(subscription))
            }
            subscriptions[subscription.topic] = subscription
            change.concernsPulls = true
        }
        for (topic, subscription) in subscriptions where !named.contains(topic) {
            subscriptions[topic] = nil
            change.concernsMembers = true
            change.concernsPulls = true
            change.events.append(.topicRemoved(subscription))
        }
    }

    /// What a heartbeat says otherwise than that of another member before it; nil when that was said a short time ago.
    private mutating func disagreement(_ channel: ClientChannel, _ consumer: ConsumerData) -> ConsumerEvent? {
        guard let lastHeard, lastHeard != channel.connection.id, let other = channels[lastHeard], !other.clientId.isExactly(channel.clientId) else {
            return nil
        }
        if let disagreedAt, channel.lastUpdate - disagreedAt < Self.disagreementPause { return nil }
        guard let what = difference(from: consumer) else { return nil }
        disagreedAt = channel.lastUpdate
        return .disagreement(with: other.clientId, about: what)
    }

    private func difference(from consumer: ConsumerData) -> String? {
        var parts: [String] = []
        if messageModel != consumer.messageModel { parts.append("the message model (\(consumer.messageModel.rawValue), \(messageModel.rawValue))") }
        if consumeType != consumer.consumeType { parts.append("how they consume (\(consumer.consumeType.rawValue), \(consumeType.rawValue))") }
        let said = Dictionary(consumer.subscriptions.prefix(ClientLimit.subscriptionsPerGroup).map { (ByteText($0.topic), $0) }) { $1 }
        let topics = Set(said.keys).union(subscriptions.keys).filter { !Self.isSame(said[$0], subscriptions[$0]) }
        if let first = topics.sortedTexts.first {
            parts.append("what they subscribe to of topic \(first)\(topics.count > 1 ? " and \(topics.count - 1) others" : "")")
        }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private static func isSame(_ left: SubscriptionData?, _ right: SubscriptionData?) -> Bool {
        (left?.expression).isExactly(right?.expression) && (left?.expressionType).isExactly(right?.expressionType)
    }
}
