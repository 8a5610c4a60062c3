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
    /// A table that is full is looked through for locks that expired, which takes some milliseconds: not with each request.
    private static let sweepPause: Duration = .seconds(1)

    private struct Contents {
        var groups: [ByteText: [MessageQueue: Lock]] = [:]
        var count = 0
        var sweptAt: MonotonicInstant?

        mutating func removeExpired(_ now: MonotonicInstant, _ lifetime: Duration) {
            if let sweptAt, now - sweptAt < sweepPause { return }
            sweptAt = now
            groups = groups.mapValues { $0.filter { !$0.value.isExpired(now, lifetime) } }.filter { !$0.value.isEmpty }
            count = groups.values.reduce(0) { $0 + $1.count }
        }
    }
    private let contents = Mutex(Contents())
    private let lifetime: Duration
    private let log: ClientLog

    /// - Parameter lifetime: how long a lock is kept that is not renewed.
    init(lifetime: Duration = .seconds(60), log: ClientLog = ClientLog(.silent, clock: .system)) {
        self.lifetime = lifetime
        self.log = log
    }

    /// What became of the request for one queue.
    private enum Outcome {
        case renewed, got
        case gotExpired(from: String)
        case held(by: String)
        case tooMany
    }

    /// - Returns: those of `queues` that `clientId` now holds.
    func lock(_ queues: [MessageQueue], group: String, clientId: String, now: MonotonicInstant) -> [MessageQueue] {
        let outcomes = contents.withLock { contents in
            if contents.count + queues.count > Self.limit { contents.removeExpired(now, lifetime) }
            return queues.map { lock($0, group, clientId, now, &contents) }
        }
        var locked: [MessageQueue] = []
        for (queue, outcome) in zip(queues, outcomes) {
            switch outcome {
            case .renewed: locked.append(queue)
            case .got:
                locked.append(queue)
                log.info("tryLockBatch, message queue not locked, I got it. Group: \(group) NewClientId: \(clientId) \(queue)")
            case .gotExpired(let old):
                locked.append(queue)
                log.info("tryLockBatch, message queue lock expired, I got it. Group: \(group) OldClientId: \(old) NewClientId: \(clientId) \(queue)")
            case .held(let other):
                log.info("tryLockBatch, message queue locked by other client. Group: \(group) OtherClientId: \(other) NewClientId: \(clientId) \(queue)")
            case .tooMany:
                log.warning("tryLockBatch, \(Self.limit) message queues are locked, the limit. Group: \(group) NewClientId: \(clientId) \(queue)")
            }
        }
        return locked
    }

    private func lock(
        _ queue: MessageQueue, _ group: String, _ clientId: String, _ now: MonotonicInstant, _ contents: inout Contents
    ) -> Outcome {
        var outcome = Outcome.got
        if let held = contents.groups[group]?[queue] {
            let isExpired = held.isExpired(now, lifetime)
            if held.clientId.isExactly(clientId) {
                outcome = .renewed
            } else {
                guard isExpired else { return .held(by: held.clientId) }
                outcome = .gotExpired(from: held.clientId)
            }
        } else {
            guard contents.count < Self.limit else { return .tooMany }
            contents.count += 1
        }
        contents.groups[group, default: [:]][queue] = Lock(clientId: clientId, renewed: now)
        return outcome
    }

    /// Gives up those of `queues` that `clientId` holds, expired or not.
    func unlock(_ queues: [MessageQueue], group: String, clientId: String) {
        let holders = contents.withLock { contents in
            defer { if contents.groups[group]?.isEmpty == true { contents.groups[group] = nil } }
            return queues.map { queue -> String? in
                guard let held = contents.groups[group]?[queue], held.clientId.isExactly(clientId) else { return contents.groups[group]?[queue]?.clientId }
                contents.groups[group]?[queue] = nil
                contents.count -= 1
                return clientId
            }
        }
        for (queue, holder) in zip(queues, holders) {
            switch holder {
            case nil: log.info("unlockBatch, but mq not locked, Group: \(group) \(queue) \(clientId)")
            case let holder? where holder.isExactly(clientId): log.info("unlockBatch, Group: \(group) \(queue) \(clientId)")
            case let holder?: log.info("unlockBatch, but mq locked by other client: \(holder), Group: \(group) \(queue) \(clientId)")
            }
        }
    }
}
