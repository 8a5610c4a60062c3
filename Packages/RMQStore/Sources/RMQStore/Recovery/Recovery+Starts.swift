/// Queues whose first files are gone although the log still has the messages in them.
///
///     log              |▒▒▒▒▒ a a ▒▒ b ▒▒ a ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
///     queue a   (missing file: a a a) |█████|██                       entries of what retention took from the log may be missing,
///                                      ^ the first entry             those of records between the log's beginning and here may not
///
/// Nothing in the files that are left tells: so begins a queue, too, that retention has shortened. But seldom: the log must
/// begin exactly between the last message of one file and the first of the next.
extension Recovery {
    /// A queue that lacks its first files, in words; nil without one.
    ///
    /// Walks through the log from its beginning to the first messages of the queues in question: headers only.
    func queueWithoutStart() throws(StoreError) -> String? {
        var suspects: [Int32: [ConsumeQueue]] = [:]
        var end = log.minOffset
        for queue in queues.all where queue.firstPhysicalOffset > log.minOffset {
            guard let first = queue.firstFile(), first.base > 0, first.count > 0 else { continue }
            // A filler there says that the log had nothing before when the queue was written.
            guard try !QueueFileReader(queue.path(first.base)).entry(0).isFiller else { continue }
            suspects[queue.queueId, default: []].append(queue)
            end = max(end, queue.firstPhysicalOffset)
        }
        guard !suspects.isEmpty else { return nil }
        return firstRecord(before: end, in: suspects).map { "files at the beginning of queue \($0.queueId) of \($0.topic) are missing" }
    }

    /// The first queue of which the log has a record before the queue's first entry.
    private func firstRecord(before end: Int64, in suspects: [Int32: [ConsumeQueue]]) -> ConsumeQueue? {
        for segment in log.snapshot where segment.baseOffset < end {
            defer { segment.releaseResidentPages() }
            for record in RecordWalk(segment, from: segment.baseOffset, to: end) {
                if let queue = suspects[record.queueId]?.first(where: { lacks(record, $0) }) { return queue }
                if !MultiDispatch.names(in: record.properties).isEmpty, let queue = suspects.values.joined().first(where: { lacks(record, $0) }) {
                    return queue
                }
            }
        }
        return nil
    }

    private func lacks(_ record: CheckedRecord, _ queue: ConsumeQueue) -> Bool {
        record.physicalOffset < queue.firstPhysicalOffset && record.hasPlace(in: queue) { $0 < queue.minOffset }
    }
}
