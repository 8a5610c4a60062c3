import RMQCommon
import RMQRemoting
import Synchronization

/// A consumer group that has members: what they said in their heartbeats.
struct ConsumerGroup: Sendable {
    var consumeType: ConsumeType
    var messageModel: MessageModel
    var consumeFromWhere: ConsumeFromWhere
    var subscriptions: [ByteText: SubscriptionData] = [:]
    var channels: [UInt64: ClientChannel] = [:]

    var clientIds: [String] { Set<ByteText>(texts: channels.values.map(\.clientId)).map(\.text) }
}

/// The consumers that are connected, by group.
///
/// One lock, never held while another one is taken. Pulls do not take it: their loops keep what they found until ``version``
/// moves, which a heartbeat that says nothing new does not cause.
final class ConsumerTable: Sendable {
    private let groups = Mutex<[ByteText: ConsumerGroup]>([:])
    private let changes = Atomic<UInt64>(1)

    var version: UInt64 { changes.load(ordering: .acquiring) }

    subscript(group: String) -> ConsumerGroup? { groups.withLock { $0[group] } }

    /// Takes over what a heartbeat says of one group.
    /// - Returns: whether the group has a new member or subscribes to other topics, which all members have to hear of.
    func register(_ channel: ClientChannel, _ consumer: ConsumerData) -> Bool {
        let (pullsDiffer, membersDiffer) = groups.withLock { groups -> (Bool, Bool) in
            guard groups[consumer.group] != nil || groups.count < ClientLimit.groups else { return (false, false) }
            var group = groups[consumer.group]
                ?? ConsumerGroup(consumeType: consumer.consumeType, messageModel: consumer.messageModel, consumeFromWhere: consumer.consumeFromWhere)
            var pullsDiffer = group.messageModel != consumer.messageModel || group.channels.isEmpty
            group.consumeType = consumer.consumeType
            group.messageModel = consumer.messageModel
            group.consumeFromWhere = consumer.consumeFromWhere
            var membersDiffer = group.channels.updateValue(channel, forKey: channel.connection.id) == nil
            if group.update(consumer.subscriptions, topicsDiffer: &membersDiffer) { pullsDiffer = true }
            groups[consumer.group] = group
            return (pullsDiffer, membersDiffer)
        }
        if pullsDiffer || membersDiffer { changes.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        return membersDiffer
    }

    /// - Returns: whether the connection was a member of the group.
    func unregister(connection: UInt64, group: String) -> Bool {
        let removed = groups.withLock { groups in groups.remove(connection, from: group) }
        if removed { changes.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        return removed
    }

    /// - Returns: the groups that lost this member.
    func connectionClosed(_ connection: UInt64) -> [String] { removeAll { $0.connection.id == connection }.groups }

    /// Forgets and closes clients that have been silent for too long.
    /// - Returns: the groups that lost a member.
    func expire(now: MonotonicInstant) -> [String] {
        let (groups, channels) = removeAll { now - $0.lastUpdate > ClientLimit.silence }
        for channel in channels { channel.connection.close() }
        return groups
    }

    private func removeAll(_ gone: (ClientChannel) -> Bool) -> (groups: [String], channels: [ClientChannel]) {
        let removed = groups.withLock { groups in
            var names: [String] = []
            var channels: [ClientChannel] = []
            for (name, group) in groups {
                let leaving = group.channels.values.filter(gone)
                guard !leaving.isEmpty else { continue }
                names.append(name.text)
                channels += leaving
                for channel in leaving { _ = groups.remove(channel.connection.id, from: name.text) }
            }
            return (names, channels)
        }
        if !removed.0.isEmpty { changes.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        return removed
    }

    /// Groups whose members subscribe to `topic`.
    func groups(subscribingTo topic: String) -> [String] {
        groups.withLock { $0.filter { $0.value.subscriptions[topic] != nil }.map(\.key.text) }
    }
}

extension ConsumerGroup {
    /// The heartbeat of any member states the subscriptions of all: what it does not name is gone.
    /// - Returns: whether a held pull may now be answered differently.
    fileprivate mutating func update(_ heartbeat: [SubscriptionData], topicsDiffer: inout Bool) -> Bool {
        var differs = false
        var named: Set<ByteText> = []
        for subscription in heartbeat.prefix(ClientLimit.subscriptionsPerGroup) {
            named.insert(subscription.topic)
            if let known = subscriptions[subscription.topic] {
                guard subscription.version > known.version else { continue }
            } else {
                topicsDiffer = true
            }
            subscriptions[subscription.topic] = subscription
            differs = true
        }
        for topic in subscriptions.keys where !named.contains(topic) {
            subscriptions[topic] = nil
            topicsDiffer = true
            differs = true
        }
        return differs
    }
}

extension [ByteText: ConsumerGroup] {
    fileprivate mutating func remove(_ connection: UInt64, from group: String) -> Bool {
        guard self[group]?.channels.removeValue(forKey: connection) != nil else { return false }
        if self[group]?.channels.isEmpty == true { self[group] = nil }
        return true
    }
}
