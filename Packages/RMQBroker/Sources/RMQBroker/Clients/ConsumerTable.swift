import RMQCommon
import RMQRemoting
import Synchronization

/// The consumers that are connected, by group.
///
/// One lock, never held while another one is taken. Pulls do not take it: their loops keep what they found until ``version``
/// moves, which a heartbeat that says nothing new does not cause.
final class ConsumerTable: Sendable {
    fileprivate struct Contents {
        var groups: [ByteText: ConsumerGroup] = [:]
        /// The groups of each connection that is in one.
        var memberships: [UInt64: Set<ByteText>] = [:]
    }

    private let contents = Mutex(Contents())
    private let changes = Atomic<UInt64>(1)

    /// A member that left a group, or was made to.
    struct Departure {
        let group: String
        let client: ClientChannel
        /// It was the last one.
        let isLast: Bool
    }

    var version: UInt64 { changes.load(ordering: .acquiring) }

    subscript(group: String) -> ConsumerGroup? { contents.withLock { $0.groups[group] } }

    /// Takes over what a heartbeat says of one group.
    /// - Parameter limit: most groups; what is said of one more is left out.
    func register(_ channel: ClientChannel, _ consumer: ConsumerData, limit: Int) -> ConsumerGroup.Change {
        let change = contents.withLock { contents -> ConsumerGroup.Change in
            let name = ByteText(consumer.group)
            // Taken out for the while, so that nothing is copied.
            let known = contents.groups.removeValue(forKey: name)
            guard known != nil || contents.groups.count < limit else {
                return ConsumerGroup.Change(isTaken: false, events: [.tooManyGroups(limit: limit)])
            }
            var group = known ?? ConsumerGroup(of: consumer)
            let change = group.update(channel, consumer)
            contents.groups[name] = group
            contents.memberships[channel.connection.id, default: []].insert(name)
            return change
        }
        if change.concernsPulls || change.concernsMembers { changed() }
        return change
    }

    /// - Returns: nil when the connection was no member of the group.
    func unregister(connection: UInt64, group: String) -> Departure? {
        let departure = contents.withLock { $0.remove(connection, from: ByteText(group)) }
        if departure != nil { changed() }
        return departure
    }

    func connectionClosed(_ connection: UInt64) -> [Departure] {
        let departures = contents.withLock { contents in
            (contents.memberships[connection] ?? []).compactMap { contents.remove(connection, from: $0) }
        }
        if !departures.isEmpty { changed() }
        return departures
    }

    /// Forgets and closes clients that have been silent for too long.
    func expire(now: MonotonicInstant) -> [Departure] {
        let departures = contents.withLock { contents in
            var departures: [Departure] = []
            for (name, group) in contents.groups {
                for channel in group.channels.values where now - channel.lastUpdate > ClientLimit.silence {
                    if let departure = contents.remove(channel.connection.id, from: name) { departures.append(departure) }
                }
            }
            return departures
        }
        if !departures.isEmpty { changed() }
        for departure in departures { departure.client.connection.close() }
        return departures
    }

    private func changed() { changes.wrappingAdd(1, ordering: .acquiringAndReleasing) }

    /// Groups whose members subscribe to `topic`.
    func groups(subscribingTo topic: String) -> [String] {
        contents.withLock { $0.groups.filter { $0.value.subscriptions[topic] != nil }.map(\.key.text) }
    }
}

extension ConsumerTable.Contents {
    fileprivate mutating func remove(_ connection: UInt64, from group: ByteText) -> ConsumerTable.Departure? {
        guard let client = groups[group]?.channels.removeValue(forKey: connection) else { return nil }
        let isLast = groups[group]?.channels.isEmpty == true
        if isLast { groups[group] = nil }
        memberships[connection]?.remove(group)
        if memberships[connection]?.isEmpty == true { memberships[connection] = nil }
        return ConsumerTable.Departure(group: group.text, client: client, isLast: isLast)
    }
}
