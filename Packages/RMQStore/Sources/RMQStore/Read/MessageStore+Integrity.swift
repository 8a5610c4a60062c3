import RMQCommon
import Synchronization

extension MessageStore {
    /// Whether the newest record of a run is what its queue entry says, and what was stored.
    ///
    /// Asked for records that come from the disk: those of earlier runs, and those far behind. What this run appended and
    /// memory still holds has not been anywhere where it could have changed. When the entry is what is wrong, it can be
    /// repaired (``repairEntry(at:of:is:)``). A record that is damaged itself is not handed out: the reader goes on with the next
    /// one, as if retention had taken it.
    /// - Returns: nil when it is; otherwise what is wrong.
    @inline(__always)
    func damage(_ entry: QueueEntry, in run: LogRun, _ queue: ConsumeQueue, offset: Int64) -> String? {
        switch run.check(entry, verifiesBody: true) {
        case .record(let record):
            if record.byteCount == Int(entry.size), record.isAt(offset, of: queue) { return nil }
            return "its queue entry and the record at \(entry.position) contradict each other"
        case .filler:
            return "at \(entry.position) the segment ends"
        case .invalid(let reason):
            return reason
        }
    }

    func noteDamage(_ entry: QueueEntry, _ queue: ConsumeQueue, _ offset: Int64, _ reason: String) {
        let count = readCounters.countDamage()
        guard Self.isWorthSaying(count) else { return }
        logger.error(
            "message \(offset) of queue \(queue.queueId) of \(queue.topic), at \(entry.position) in the log, is damaged and not handed out: "
                + "\(reason); \(count) so far, `mqstore verify` shows them all")
    }

    /// A ruined file must not fill the log: after ten, only the 16th, the 32nd and so on.
    static func isWorthSaying(_ count: Int) -> Bool { count <= 10 || count.nonzeroBitCount == 1 }
}

extension CheckedRecord {
    /// Whether the record belongs to that place of a queue.
    func isAt(_ offset: Int64, of queue: ConsumeQueue) -> Bool { hasPlace(in: queue) { $0 == offset } }

    /// Whether the record belongs to a place of a queue that is wanted: in its own, or in one of those that it is dispatched to
    /// besides. Half messages say that they are at 0, and are in no queue.
    func hasPlace(in queue: ConsumeQueue, where isWanted: (_ offset: Int64) -> Bool) -> Bool {
        guard systemFlag.entersQueue else { return false }
        if queueId == queue.queueId, topic.elementsEqual(queue.topicBytes), isWanted(queueOffset) { return true }
        let names = MultiDispatch.names(in: properties)
        guard !names.isEmpty, let offsets = MultiDispatch.offsets(in: properties, count: names.count) else { return false }
        return zip(names, offsets).contains { $0.isExactly(queue.topic) && isWanted($1) }
    }
}
