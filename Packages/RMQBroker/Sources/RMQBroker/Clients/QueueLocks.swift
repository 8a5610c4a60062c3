import RMQCommon
import Synchronization

/// Which client of a group may consume a queue in order. In memory only; a client renews its locks or loses them.
final class QueueLocks: Sendable {
    private struct Lock {
        @ByteText var clientId: String
        /// When the client last asked for it.
        var renewed: MonotonicInstant

        func isExpired(_ now: MonotonicInstant, _ lifetime: Duration) -> Bool { now - renewed >= lifetime }
    }

    /// Most locks of all groups together. A queue and a group name cost about 200 bytes, so this is some 20 MB.
    private static let limit = 100_000

    private struct Contents {
        var groups: [ByteText: [MessageQueue: Lock]] = [:]
        var count = 0

        mutating func removeExpired(_ now: MonotonicInstant, _ lifetime: Duration) {
            groups = groups.mapValues { $0.filter { !$0.value.isExpired(now, lifetime) } }.filter { !$0.value.isEmpty }
            count = groups.values.reduce(0) { $0 + $1.count }
        }
    }
    private let contents = Mutex(Contents())
    private let lifetime: Duration

    init(lifetime: Duration = .seconds(60)) { self.lifetime = lifetime }

    /// - Returns: those of `queues` that `clientId` now holds.
    func lock(_ queues: [MessageQueue], group: String, clientId: String, now: MonotonicInstant) -> [MessageQueue] {
        contents.withLock { contents in
            if contents.count + queues.count > Self.limit { contents.removeExpired(now, lifetime) }
            return queues.filter { queue in
                if let held = contents.groups[group]?[queue] {
                    guard held.clientId.isExactly(clientId) || held.isExpired(now, lifetime) else { return false }
                } else {
                    guard contents.count < Self.limit else { return false }
                    contents.count += 1
                }
                contents.groups[group, default: [:]][queue] = Lock(clientId: clientId, renewed: now)
                return true
            }
        }
    }

    /// Gives up those of `queues` that `clientId` holds, expired or not.
    func unlock(_ queues: [MessageQueue], group: String, clientId: String) {
        contents.withLock { contents in
            for queue in queues where contents.groups[group]?[queue]?.clientId.isExactly(clientId) == true {
                contents.groups[group]?[queue] = nil
                contents.count -= 1
            }
            if contents.groups[group]?.isEmpty == true { contents.groups[group] = nil }
        }
    }
}
