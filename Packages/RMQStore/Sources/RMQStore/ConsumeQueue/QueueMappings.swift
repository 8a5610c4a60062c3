import Glibc
import Synchronization

/// The queues that have files mapped, so that idle ones can give them back.
///
/// A kernel allows a process 65,530 mappings by default, and each used one keeps a page resident: with 40,000 queues only
/// those in use may be mapped. A queue's file is mapped when it is read or written, and given back after two looks of the
/// retention thread (10 s apart) without use; beyond the limit at the next look, which then comes at once.
final class QueueMappings: Sendable {
    /// How many queues may have mapped files: three quarters of what the kernel allows, as a queue may have two for a while,
    /// and the log has some.
    let limit: Int
    private let queues = Mutex<[ConsumeQueue]>([])
    private let retention: Retention

    init(retention: Retention) {
        limit = Self.kernelLimit() / 4 * 3
        self.retention = retention
    }

    private static func kernelLimit() -> Int {
        let descriptor = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 65_530 }
        defer { close(descriptor) }
        var digits = [UInt8](repeating: 0, count: 20)
        let count = read(descriptor, &digits, digits.count)
        return Int(String(decoding: digits.prefix(max(0, count)).prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self)) ?? 65_530
    }

    /// A queue has its first mapped file.
    func add(_ queue: ConsumeQueue) {
        let count = queues.withLock { queues in
            queues.append(queue)
            return queues.count
        }
        if count == limit { retention.request(byHand: false) }
    }

    /// Hands every queue to `giveBack`, and forgets those for which it returns true: they have no mapped file any more.
    func sweep(_ giveBack: (_ queue: ConsumeQueue, _ isForced: Bool) -> Bool) {
        let all = queues.withLock { queues in
            defer { queues = [] }
            return queues
        }
        guard !all.isEmpty else { return }
        let isForced = all.count >= limit
        let kept = all.filter { !giveBack($0, isForced) }
        queues.withLock { $0 += kept }
    }

    /// During recovery, when there is one thread and no reader.
    func stayWithinLimit(_ held: borrowing AppendState) {
        if queues.withLock({ $0.count }) >= limit { giveBackAll(held) }
    }

    /// At the end of recovery: what it looked at need not stay mapped, and so resident.
    func giveBackAll(_ held: borrowing AppendState) {
        sweep { queue, _ in
            queue.giveBackWriter(isForced: true, held)
            return queue.giveBackFiles(isForced: true)
        }
    }
}

extension MessageStore {
    /// Unmaps the files of queues that were not used since the last but one look. Retention thread.
    func sweepQueueMappings() {
        queues.mappings.sweep { queue, isForced in
            guard appendLock.withLock({ queue.giveBackWriter(isForced: isForced, $0) }) else { return false }
            return queue.giveBackFiles(isForced: isForced)
        }
    }
}
