import RMQCommon
import RMQRemoting
import Synchronization

/// The producers that are connected, by group. One lock, never held while another one is taken.
final class ProducerTable: Sendable {
    private let groups = Mutex<[ByteText: [UInt64: ClientChannel]]>([:])
    private let turn = Atomic<Int>(0)

    func register(_ channel: ClientChannel, group: String) {
        groups.withLock { groups in
            guard groups[group] != nil || groups.count < ClientLimit.groups else { return }
            groups[group, default: [:]][channel.connection.id] = channel
        }
    }

    func unregister(connection: UInt64, group: String) {
        groups.withLock { groups in
            groups[group]?[connection] = nil
            if groups[group]?.isEmpty == true { groups[group] = nil }
        }
    }

    func connectionClosed(_ connection: UInt64) { removeAll { $0.connection.id == connection } }

    /// Forgets and closes clients that have been silent for too long.
    func expire(now: MonotonicInstant) {
        for channel in removeAll({ now - $0.lastUpdate > ClientLimit.silence }) { channel.connection.close() }
    }

    @discardableResult
    private func removeAll(_ gone: (ClientChannel) -> Bool) -> [ClientChannel] {
        groups.withLock { groups in
            var removed: [ClientChannel] = []
            for (group, channels) in groups {
                let leaving = channels.values.filter(gone)
                guard !leaving.isEmpty else { continue }
                removed += leaving
                for channel in leaving { groups[group]?[channel.connection.id] = nil }
                if groups[group]?.isEmpty == true { groups[group] = nil }
            }
            return removed
        }
    }

    /// Nil when no producer of `group` is connected.
    func channels(of group: String) -> [ClientChannel]? { groups.withLock { $0[group].map { Array($0.values) } } }

    /// The producers of `group`, each first in turn.
    func inTurn(of group: String) -> [ClientChannel] {
        let channels = (channels(of: group) ?? []).sorted { $0.connection.id < $1.connection.id }
        guard channels.count > 1 else { return channels }
        let first = Int(turn.wrappingAdd(1, ordering: .relaxed).oldValue.magnitude % UInt(channels.count))
        return Array(channels[first...] + channels[..<first])
    }

    var all: [ByteText: [ClientChannel]] { groups.withLock { $0.mapValues { Array($0.values) } } }
}
