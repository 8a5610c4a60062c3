import RMQCommon
import RMQStore

/// Sends that were appended and whose promise (on the disk, at the replicas) does not hold yet, oldest first.
///
/// A value: it reads no clock and sends nothing. A loop owns one, tells it how far the store is, and carries out what it
/// returns.
struct PendingSends<Reply> {
    /// How far the store is.
    struct Progress {
        var flushedOffset: Int64
        var replicatedOffset: Int64
        /// A write-back failed: nothing more will be confirmed.
        var hasFailed = false
    }

    /// What one send waits for.
    struct Promise {
        /// Where its records end in the log.
        var end: Int64
        /// When to answer that the disk took too long; nil when the disk is not waited for.
        var flushDeadline: MonotonicInstant?
        /// The same for replicas.
        var replicaDeadline: MonotonicInstant?
        /// Replicas should be waited for, but there are not enough.
        var lacksReplicas = false
    }

    private var pending: [(promise: Promise, reply: Reply)] = []
    private let limit: Int

    /// - Parameter limit: most sends that wait at once; more would only hold memory while a disk hangs.
    init(limit: Int) { self.limit = limit }

    var isEmpty: Bool { pending.isEmpty }
    var isFull: Bool { pending.count >= limit }

    mutating func add(_ reply: Reply, _ promise: Promise) {
        pending.append((promise, reply))
    }

    /// Removes and returns, oldest first, every send that can be answered now.
    mutating func release(_ progress: Progress, now: MonotonicInstant) -> [(reply: Reply, status: AppendStatus)] {
        var ready: [(Reply, AppendStatus)] = []
        pending.removeAll { send in
            guard let status = send.promise.status(progress, now: now) else { return false }
            ready.append((send.reply, status))
            return true
        }
        return ready
    }

    /// When the next send is to be answered although nothing happened; nil when none waits. That is the oldest: all get
    /// the same time.
    var nextDeadline: MonotonicInstant? {
        guard let promise = pending.first?.promise else { return nil }
        return min(promise.flushDeadline ?? .distantFuture, promise.replicaDeadline ?? .distantFuture)
    }
}

extension PendingSends.Promise {
    /// What to answer; nil while there is something to wait for. A failing replica outweighs a failing disk.
    fileprivate func status(_ progress: PendingSends.Progress, now: MonotonicInstant) -> AppendStatus? {
        guard let disk = Self.status(progress.flushedOffset >= end, deadline: flushDeadline, now, .flushDiskTimeout, progress),
            let replicas = Self.status(progress.replicatedOffset >= end, deadline: replicaDeadline, now, .flushReplicaTimeout, progress)
        else { return nil }
        if disk == .serviceNotAvailable { return disk }
        if lacksReplicas { return .replicaNotAvailable }
        return replicas == .ok ? disk : replicas
    }

    private static func status(
        _ holds: Bool, deadline: MonotonicInstant?, _ now: MonotonicInstant, _ timeout: AppendStatus, _ progress: PendingSends.Progress
    ) -> AppendStatus? {
        guard let deadline, !holds else { return .ok }
        if progress.hasFailed { return .serviceNotAvailable }
        return now >= deadline ? timeout : nil
    }
}
