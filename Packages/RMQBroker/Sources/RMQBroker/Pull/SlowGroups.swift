import RMQCommon
import Synchronization

/// Groups that read so far behind that every pull of theirs is one from the disk, which the others then wait for
/// (`disableConsumeIfConsumerReadSlowly`). They are shut out until an operator lets them consume again.
///
/// Loops note what their pulls find; from time to time a worker looks at what is left.
final class SlowGroups: Sendable {
    /// How often groups are shut out: one that catches up meanwhile is not.
    static let checkInterval: Duration = .seconds(180)
    /// Most queues that are noted at once; those of some thousand groups. Others are noted when these are gone.
    private static let limit = 65_536

    private struct Key: Hashable {
        let group: ByteText
        let topic: ByteText
        let queueId: Int32
    }

    /// How far behind a group is.
    struct Finding {
        let group: String
        let topic: String
        let queueId: Int32
        let bytesBehind: Int64
    }

    private let bytesBehind = Mutex<[Key: Int64]>([:])
    /// So that the pulls of others need not lock.
    private let count = Atomic<Int>(0)

    func note(_ progress: GroupProgress, queueId: Int32, bytesBehind bytes: Int64, limit: Int64) {
        guard bytes > limit || count.load(ordering: .relaxed) > 0 else { return }
        let key = Key(group: ByteText(progress.group), topic: ByteText(progress.topic), queueId: queueId)
        bytesBehind.withLock { noted in
            if bytes <= limit {
                noted[key] = nil
            } else if noted.count < Self.limit || noted[key] != nil {
                noted[key] = bytes
            }
            count.store(noted.count, ordering: .relaxed)
        }
    }

    /// What was noted since the last call: of each group the queue that is furthest behind.
    func take() -> [Finding] {
        let noted = bytesBehind.withLock { noted in
            defer { noted = [:] }
            count.store(0, ordering: .relaxed)
            return noted
        }
        var furthest: [ByteText: Finding] = [:]
        for (key, bytes) in noted where bytes > furthest[key.group]?.bytesBehind ?? -1 {
            furthest[key.group] = Finding(group: key.group.text, topic: key.topic.text, queueId: key.queueId, bytesBehind: bytes)
        }
        return Array(furthest.values)
    }
}

extension BrokerState {
    /// Shuts out the groups that are too slow. The reference forgets that at its next start; here it stays.
    func shutOutSlowGroups() {
        let limit = live.current.slowGroupLimit
        for finding in slowGroups.take() where finding.bytesBehind > limit {
            guard groups.disable(finding.group) else { continue }
            logger.warning(
                "group \(finding.group) may not consume any more (consumeEnable=false): in queue \(finding.queueId) of \(finding.topic) it is \(finding.bytesBehind) bytes behind, consumerFallbehindThreshold is \(limit)")
            files.later(.groups)
        }
    }
}

extension BrokerConfiguration {
    /// Further behind than this, a group is too slow; `max` when none is.
    var slowGroupLimit: Int64 { shutsOutSlowGroups ? slowGroupBytes : .max }
}
