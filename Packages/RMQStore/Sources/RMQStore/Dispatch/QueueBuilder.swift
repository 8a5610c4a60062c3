import RMQCommon

/// Gives records of the log their consume queue entries.
///
///     record ─► RecordQueues: its queues ─► EntryPlacing: room for the entry, or why not ─► entry
///
/// Duplication-safe: a record that has its entry already is left alone, so a walk may begin anywhere before the first one
/// that lacks it. What a record means that is not the next one of its queue depends on where records come from: as they were
/// just written (``FollowingPlacing``: deferred visibility, replicas), or from the disk (``RecoveryPlacing``).
struct QueueBuilder<Placing: EntryPlacing> {
    var queues: RecordQueues
    var placing: Placing
    private let delayLevels: [Int64]

    init(_ placing: Placing, queues: QueueTable, configuration: StoreConfiguration, logger: Logger) {
        self.placing = placing
        self.queues = RecordQueues(queues: queues, configuration: configuration, logger: logger)
        delayLevels = configuration.delayLevelMilliseconds
    }

    /// Sees to it that a record's queues have its entry.
    /// - Parameter written: gets the entries that were written, also when an error comes after them.
    mutating func dispatch(
        _ record: CheckedRecord, into written: inout [Dispatcher.Arrival], _ held: borrowing AppendState
    ) throws(StoreError) -> EntryOutcome {
        guard RecordLayout.entersQueue(record.systemFlag) else { return .noQueue }
        let tagCode = record.tagCode(delayLevels: delayLevels)
        var outcome = EntryOutcome.noQueue
        if let queue = queues.own(of: record, held) {
            outcome = try enter(PlacedRecord(record, tagCode, queue: queue, offset: record.queueOffset, isOwn: true), into: &written, held)
        }
        if outcome == .gap { return outcome }
        for (queue, offset) in queues.further(of: record) {
            switch try enter(PlacedRecord(record, tagCode, queue: queue, offset: offset, isOwn: false), into: &written, held) {
            case .written: outcome = .written
            case .gap: return .gap
            case .present, .noQueue: break
            }
        }
        return outcome
    }

    private mutating func enter(
        _ record: PlacedRecord, into written: inout [Dispatcher.Arrival], _ held: borrowing AppendState
    ) throws(StoreError) -> EntryOutcome {
        let outcome = try placing.makeRoom(for: record, held)
        guard outcome == .written else { return outcome }
        record.write(held)
        written.append(Dispatcher.Arrival(queue: record.queue, newMaxOffset: record.queue.maxOffset, tagCode: record.tagCode))
        return .written
    }
}

/// What became of the entry of a record.
enum EntryOutcome {
    case written
    /// The entry is there already.
    case present
    /// The record takes no place in a queue: half of a transaction, damaged, of a topic that was deleted since, or nothing that
    /// can be stored under its name.
    case noQueue
    /// The queue lacks what came before this record; nothing was written.
    case gap
}

/// Decides what a record means for its queue, and brings the queue to where the record's entry is the next one.
protocol EntryPlacing: Sendable {
    /// - Returns: `written` when the entry can be written now.
    mutating func makeRoom(for record: PlacedRecord, _ held: borrowing AppendState) throws(StoreError) -> EntryOutcome
}

/// A record and one place in a queue that it claims.
struct PlacedRecord {
    let record: CheckedRecord
    /// The plain one.
    let tagCode: Int64
    let queue: ConsumeQueue
    let offset: Int64
    /// Whether it is the queue that the record was sent to; in others, entries carry plain tag codes.
    let isOwn: Bool

    init(_ record: CheckedRecord, _ tagCode: Int64, queue: ConsumeQueue, offset: Int64, isOwn: Bool) {
        self.record = record
        self.tagCode = tagCode
        self.queue = queue
        self.offset = offset
        self.isOwn = isOwn
    }

    /// Whether the log before the record can hold so many.
    var isPlausible: Bool { offset <= QueueRoom.mostRecords(in: record.physicalOffset) }

    /// Whether the log has room for all records between the queue's newest one and this one.
    var hasRoom: Bool { QueueRoom.isThere(for: offset, at: record.physicalOffset, behind: queue) }

    func write(_ held: borrowing AppendState) {
        let code = isOwn ? queue.entryCode(tagCode, storeTimestamp: record.storeTimestamp, held) { record.properties } : tagCode
        queue.write(QueueEntry(position: record.physicalOffset, size: Int32(record.byteCount), tagCode: code), held)
    }
}

/// No more records than this fit so many bytes of the log. No checksum covers a queue offset: a damaged one must neither fill
/// the disk with entries for messages that never were, nor make an end of a queue.
enum QueueRoom {
    static func mostRecords(in bytes: Int64) -> Int64 { bytes / Int64(RecordLayout.fixedByteCount + 16) }

    /// Whether the log has room for all records between a queue's newest one and that of `offset`.
    static func isThere(for offset: Int64, at position: Int64, behind queue: ConsumeQueue) -> Bool {
        offset - queue.maxOffset <= mostRecords(in: position - max(0, queue.maxPhysicalOffset))
    }
}

extension ConsumeQueue {
    /// Makes `offset` the next one: records are missing in the log, and their offsets stay taken.
    func fill(upTo offset: Int64, _ held: borrowing AppendState) throws(StoreError) {
        guard offset > maxOffset else { return }
        if maxPhysicalOffset < 0 {
            try reset(held)
            return try begin(at: offset, held)
        }
        while maxOffset < offset {
            try prepare(1, held)
            writeFiller(held)
        }
    }
}

extension Logger {
    func notePassedOver(_ position: Int64, _ offset: Int64, _ queue: ConsumeQueue) {
        error(
            "the record at \(position) cannot be offset \(offset) of \(queue.topic) queue \(queue.queueId), whose next is "
                + "\(queue.maxOffset): it is damaged and gets no entry")
    }

    func noteBeginning(_ queue: ConsumeQueue, with offset: Int64, at position: Int64) {
        warning(
            "\(queue.topic) queue \(queue.queueId), which has offsets \(queue.minOffset) to \(queue.maxOffset), begins again with offset \(offset) "
                + "at \(position)")
    }
}
