import RMQCommon
import RMQStore

/// Messages that were appended and wait for the disk or for replicas, oldest first.
///
/// A value: it reads no clock and sends nothing. A loop owns one, tells it how far the store is, and carries out what it
/// returns.
struct PendingWrites<Message> {
    /// How far the store is.
    struct Progress {
        var flushedOffset: Int64
        var replicatedOffset: Int64
        /// A write-back failed: nothing more will be confirmed.
        var hasFailed = false
    }

    /// What one message waits for.
    struct Needs {
        /// Where its records end in the log.
        var end: Int64
        /// When it began to wait.
        var since: MonotonicInstant
        /// When to answer that the disk took too long; nil when the disk is not waited for.
        var flushDeadline: MonotonicInstant?
        /// The same for replicas.
        var replicaDeadline: MonotonicInstant?
        /// Replicas should be waited for, but there are not enough.
        var lacksReplicas = false
    }

    private var pending: [(needs: Needs, message: Message)] = []
    private let limit: Int

    /// - Parameter limit: most messages that wait at once; more would only hold memory while a disk hangs.
    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { pending.isEmpty }
    var count: Int { pending.count }
    /// Since when the oldest waits; nil when none does.
    var oldest: MonotonicInstant? { pending.first?.needs.since }
    var isFull: Bool { pending.count >= limit }

    mutating func add(_ message: Message, _ needs: Needs) {
        pending.append((needs, message))
    }

    /// Removes and returns, oldest first, every message that can be acknowledged now.
    mutating func release(_ progress: Progress, now: MonotonicInstant) -> [(message: Message, status: AppendStatus)] {
        var ready: [(Message, AppendStatus)] = []
        pending.removeAll { waiting in
            guard let status = waiting.needs.status(progress, now: now) else { return false }
            ready.append((waiting.message, status))
            return true
        }
        return ready
    }

    /// When the next message is to be acknowledged although nothing happened; nil when none waits. That is the oldest: all get
    /// the same times. Of its two deadlines the one counts that is not over: a replica that took too long is told when the
    /// disk has its say.
    func nextDeadline(after now: MonotonicInstant) -> MonotonicInstant? {
        guard let needs = pending.first?.needs else { return nil }
        return [needs.flushDeadline, needs.replicaDeadline].compactMap(\.self).filter { $0 > now }.min()
    }
}

extension PendingWrites.Needs {
    /// What to answer; nil while there is something to wait for. A failing replica outweighs a failing disk.
    fileprivate func status(_ progress: PendingWrites.Progress, now: MonotonicInstant) -> AppendStatus? {
        guard let disk = Self.status(progress.flushedOffset >= end, deadline: flushDeadline, now, .flushDiskTimeout, progress),
            let replicas = Self.status(progress.replicatedOffset >= end, deadline: replicaDeadline, now, .flushReplicaTimeout, progress)
        else { return nil }
        if disk == .serviceNotAvailable { return disk }
        if lacksReplicas { return .replicaNotAvailable }
        return replicas == .ok ? disk : replicas
    }

    private static func status(
        _ holds: Bool, deadline: MonotonicInstant?, _ now: MonotonicInstant, _ timeout: AppendStatus, _ progress: PendingWrites.Progress
    ) -> AppendStatus? {
        guard let deadline, !holds else { return .ok }
        if progress.hasFailed { return .serviceNotAvailable }
        return now >= deadline ? timeout : nil
    }
}
