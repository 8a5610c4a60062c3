import Synchronization

/// How far the log is: appended, on the disk, confirmed, readable.
final class LogProgress: Sendable {
    private let log: CommitLog
    private let commit: LogCommit
    private let dispatcher: Dispatcher
    private let replicas: ReplicaProgress
    private let flushesSynchronously: Bool
    private let publishing: Atomic<Bool>

    init(
        log: CommitLog, commit: LogCommit, dispatcher: Dispatcher, replicas: ReplicaProgress, flushesSynchronously: Bool, publishesAtAppend: Bool
    ) {
        self.log = log
        self.commit = commit
        self.dispatcher = dispatcher
        self.replicas = replicas
        self.flushesSynchronously = flushesSynchronously
        publishing = Atomic(publishesAtAppend)
    }

    /// Whether an append makes its messages readable itself; otherwise the dispatcher does, later. Follows the role.
    @inline(__always)
    var publishesAtAppend: Bool { publishing.load(ordering: .acquiring) }

    func setPublishesAtAppend(_ value: Bool, _ held: borrowing AppendState) { publishing.store(value, ordering: .releasing) }

    var appendedOffset: Int64 { log.maxOffset }

    var readableOffset: Int64 { dispatcher.offset.load(ordering: .acquiring) }

    /// - Parameter flushed: up to where the log is on the disk, when that is further than has been said.
    func confirmedOffset(flushed: Int64 = 0) -> Int64 {
        var end = log.maxOffset
        if flushesSynchronously { end = min(end, max(flushed, commit.flushedOffset)) }
        if replicas.required > 0 { end = min(end, replicas.confirmedOffset) }
        return end
    }

    func offset(of end: LogEnd) -> Int64 {
        switch end {
        case .appended: appendedOffset
        case .flushed: commit.flushedOffset
        case .confirmed: confirmedOffset()
        case .readable: readableOffset
        }
    }

    /// Whether an append alone moves an end.
    func movesWithAppends(_ end: LogEnd) -> Bool {
        switch end {
        case .appended: true
        case .flushed: false
        case .confirmed: !flushesSynchronously && replicas.required == 0
        case .readable: publishesAtAppend
        }
    }
}
