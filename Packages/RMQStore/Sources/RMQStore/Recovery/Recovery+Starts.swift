/// Queues whose first files are gone although the log still has the messages in them.
///
///     log              |▒▒▒▒▒ a a ▒▒ b ▒▒ a ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒
///     queue a   (missing file: a a a) |█████|██                       entries of what retention took from the log may be missing,
///                                      ^ the first entry             those of records between the log's beginning and here may not
///
/// Nothing in the files that are left tells: so begins a queue, too, that retention has shortened. But seldom: the log must
/// begin exactly between the last message of one file and the first of the next.
extension Recovery {
    /// A queue that lacks its first files, in words; nil when there is none.
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
            var position = 0
            scan: while position < segment.byteCount, segment.baseOffset + Int64(position) < end {
                switch RecordCheck.check(segment, at: position, verifiesBody: false) {
                case .record(let record):
                    if let queue = suspects[record.queueId]?.first(where: { lacks(record, $0) }) { return queue }
                    if !FurtherQueues.names(in: record.properties).isEmpty, let queue = suspects.values.joined().first(where: { lacks(record, $0) }) {
                        return queue
                    }
                    position += record.byteCount
                case .filler:
                    break scan
                case .invalid:
                    guard let next = RecordCheck.nextRecord(in: segment, from: position + 1) else { break scan }
                    position = next
                }
            }
            segment.releaseResidentPages()
        }
        return nil
    }

    private func lacks(_ record: CheckedRecord, _ queue: ConsumeQueue) -> Bool {
        guard record.physicalOffset < queue.firstPhysicalOffset else { return false }
        let first = queue.minOffset
        if record.queueId == queue.queueId, record.topic.elementsEqual(queue.topicBytes) {
            return RecordLayout.entersQueue(record.systemFlag) && record.queueOffset < first
        }
        let names = FurtherQueues.names(in: record.properties)
        guard !names.isEmpty, let offsets = FurtherQueues.offsets(in: record.properties, count: names.count) else { return false }
        return zip(names, offsets).contains { $0.utf8.elementsEqual(queue.topicBytes) && $1 < first }
    }
}
