import RMQCommon
import RMQRemoting
import Synchronization

/// The producers that are connected: by group, by connection, and by client id. One lock, never held while another one is taken.
final class ProducerTable: Sendable {
    fileprivate struct Contents {
        var groups: [ByteText: [UInt64: ClientChannel]] = [:]
        /// The client of each connection that is in a group, and in which.
        var members: [UInt64: (client: ByteText, groups: Set<ByteText>)] = [:]
        /// The connections of each client, the newest last: one that comes back is there before its old connection is known to be gone.
        var clients: [ByteText: [UInt64]] = [:]
    }

    private let contents = Mutex(Contents())
    private let turn = Atomic<Int>(0)

    /// - Parameter limit: most groups.
    /// - Returns: whether the connection is new in the group; nil when there are too many groups.
    @discardableResult
    func register(_ channel: ClientChannel, group: String, limit: Int) -> Bool? {
        contents.withLock { contents in
            guard contents.groups[group] != nil || contents.groups.count < limit else { return nil }
            let isNew = contents.groups[group, default: [:]].updateValue(channel, forKey: channel.connection.id) == nil
            contents.join(channel, ByteText(group))
            return isNew
        }
    }

    /// - Returns: the client as it was in the group; nil when it was not.
    @discardableResult
    func unregister(connection: UInt64, group: String) -> ClientChannel? {
        contents.withLock { $0.leave(connection, ByteText(group)) }
    }

    /// - Returns: the groups that lost this member.
    @discardableResult
    func connectionClosed(_ connection: UInt64) -> [(group: String, client: ClientChannel)] {
        contents.withLock { contents in
            (contents.members[connection]?.groups ?? []).compactMap { group in
                contents.leave(connection, group).map { (group.text, $0) }
            }
        }
    }

    /// Forgets and closes clients that have been silent for too long.
    @discardableResult
    func expire(now: MonotonicInstant) -> [(group: String, client: ClientChannel)] {
        let expired = contents.withLock { contents in
            var expired: [(group: String, client: ClientChannel)] = []
            for (group, channels) in contents.groups {
                for channel in channels.values where now - channel.lastUpdate > ClientLimit.silence {
                    _ = contents.leave(channel.connection.id, group)
                    expired.append((group.text, channel))
                }
            }
            return expired
        }
        for (_, client) in expired { client.connection.close() }
        return expired
    }

    /// Nil when no producer of `group` is connected.
    func channels(of group: String) -> [ClientChannel]? { contents.withLock { $0.groups[group].map { Array($0.values) } } }

    /// The connection of a client that is in any group; the newest one if it has several.
    func channel(of clientId: String) -> ClientChannel? {
        contents.withLock { contents in
            guard let connection = contents.clients[clientId]?.last, let group = contents.members[connection]?.groups.first else { return nil }
            return contents.groups[group]?[connection]
        }
    }

    /// The producers of `group`, each first in turn.
    func inTurn(of group: String) -> [ClientChannel] {
        let channels = (channels(of: group) ?? []).sorted { $0.connection.id < $1.connection.id }
        guard channels.count > 1 else { return channels }
        let first = Int(turn.wrappingAdd(1, ordering: .relaxed).oldValue.magnitude % UInt(channels.count))
        return Array(channels[first...] + channels[..<first])
    }

    var all: [ByteText: [ClientChannel]] { contents.withLock { $0.groups.mapValues { Array($0.values) } } }
}

extension ProducerTable.Contents {
    fileprivate mutating func join(_ channel: ClientChannel, _ group: ByteText) {
        let (connection, client) = (channel.connection.id, ByteText(channel.clientId))
        if let known = members[connection]?.client {
            members[connection]?.groups.insert(group)
            if known == client { return }
            forget(connection, of: known)
            members[connection]?.client = client
        } else {
            members[connection] = (client, [group])
        }
        clients[client, default: []].append(connection)
    }

    fileprivate mutating func leave(_ connection: UInt64, _ group: ByteText) -> ClientChannel? {
        guard let left = groups[group]?.removeValue(forKey: connection) else { return nil }
        if groups[group]?.isEmpty == true { groups[group] = nil }
        members[connection]?.groups.remove(group)
        if let member = members[connection], member.groups.isEmpty {
            members[connection] = nil
            forget(connection, of: member.client)
        }
        return left
    }

    private mutating func forget(_ connection: UInt64, of client: ByteText) {
        clients[client]?.removeAll { $0 == connection }
        if clients[client]?.isEmpty == true { clients[client] = nil }
    }
}
