import RMQCommon
import Synchronization

extension MessageStore {
    /// Whether the newest record of a run is what its queue entry promises, and its body is what was stored.
    ///
    /// Asked for records that come from the disk: those of earlier runs, and those far behind. What this run appended and
    /// memory still holds has not been anywhere where it could have changed. A record that fails is not handed out: the
    /// reader goes on with the next one, as if retention had taken it.
    func isIntact(_ entry: QueueEntry, in run: LogRun, _ queue: ConsumeQueue, offset: Int64) -> Bool {
        switch run.check(entry) {
        case .record(let record):
            if record.byteCount == Int(entry.size), record.isAt(offset, of: queue) { return true }
            noteDamage(entry, queue, offset, "its queue entry and the record at \(entry.position) contradict each other")
        case .filler:
            noteDamage(entry, queue, offset, "at \(entry.position) the segment ends")
        case .invalid(let reason):
            noteDamage(entry, queue, offset, reason)
        }
        return false
    }

    private func noteDamage(_ entry: QueueEntry, _ queue: ConsumeQueue, _ offset: Int64, _ reason: String) {
        let count = readCounters.countDamage()
        // A ruined file must not fill the log: after ten, only the 16th, the 32nd and so on.
        guard count <= 10 || count.nonzeroBitCount == 1 else { return }
        logger.error(
            "message \(offset) of queue \(queue.queueId) of \(queue.topic), at \(entry.position) in the log, is damaged and not handed out: "
                + "\(reason); \(count) so far, `mqstore verify` shows them all")
    }
}

extension CheckedRecord {
    /// Whether the record belongs to that place of a queue, its own or one of those that it is dispatched to besides.
    fileprivate func isAt(_ offset: Int64, of queue: ConsumeQueue) -> Bool {
        if queueOffset == offset, queueId == queue.queueId, topic.elementsEqual(queue.topicBytes) { return true }
        return PropertyScan.value("INNER_MULTI_DISPATCH", in: properties) != nil
    }
}
