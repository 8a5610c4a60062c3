import RMQCommon

/// Gives records of the log their consume queue entries. Recovery, deferred visibility and replicas share it.
///
/// Duplication-safe: a record that has its entry already is left alone, so a walk may begin anywhere before the first one
/// that lacks it. Used by one thread at a time, under the append lock once the store runs.
struct QueueBuilder {
    enum Outcome {
        case written
        /// The entry is there already.
        case present
        /// The record takes no place in a queue: half of a transaction, or nothing that can be stored under its name.
        case noQueue
        /// The queue lacks what came before this record; nothing was written.
        case gap
        /// The queue has no entry although this record is an old one: see ``beginCompleting(trustedEnd:)``. Nothing was written.
        case mayBegin
    }

    private let queues: QueueTable
    private let delayLevels: [Int64]
    private let logger: Logger
    /// Whether messages may name further queues, and whether light ones among them have queue id 0.
    private let dispatchesToSeveral: Bool
    private let lightQueues: Bool
    /// Queues met so far, by fingerprint of name and id: saves making a `String` per record.
    private var seen: [UInt64: ConsumeQueue] = [:]
    /// How far the entries that are there, and what records say, are believed.
    private enum Stage {
        /// Records are as they were just written.
        case following
        /// A record that contradicts its queue calls for a walk through all of the log.
        case completing
        /// All entries are from this walk, so it is the record that must be damaged.
        case remaking
    }

    private var stage = Stage.following
    /// Queues that this walk made anew.
    private var remade: Set<ObjectIdentifier> = []
    /// Queues without entries that this walk gave some, and those that it had begin again: what is in them does not tell
    /// whether a later record is of another life of the topic.
    private var begun: Set<ObjectIdentifier> = []
    /// An opening believes the entries of records below this that it finds.
    private var trustedEnd: Int64 = 0
    /// The queues that get entries; nil: all of them.
    private var chosen: Set<ObjectIdentifier>?
    /// Records that contradict what their queues had before them, until the next record of the queue tells who is right.
    private var doubtful: [ObjectIdentifier: DoubtfulRecord] = [:]

    init(queues: QueueTable, configuration: StoreConfiguration, logger: Logger) {
        self.queues = queues
        delayLevels = configuration.delayLevelMilliseconds
        dispatchesToSeveral = configuration.dispatchesToSeveral
        lightQueues = configuration.lightQueues
        self.logger = logger
    }

    /// From now on records come from the disk, which may have changed them.
    ///
    /// A queue without entries below `trustedEnd` may be one of a deleted topic whose last life had records there. A crash would
    /// leave its entries as if the topic had never been deleted. So none is written before ``allowBeginning()``.
    mutating func beginCompleting(trustedEnd: Int64) {
        stage = .completing
        self.trustedEnd = trustedEnd
    }

    /// From now on a crash leads to a walk that believes no entry.
    mutating func allowBeginning() { trustedEnd = 0 }

    /// From now on every queue begins empty with the first of its records that is met: for a walk through all of the log.
    mutating func beginRemaking() {
        stage = .remaking
        doubtful = [:]
    }

    /// From now on other queues are passed over; nil ends that.
    mutating func choose(_ queues: [ConsumeQueue]?) { chosen = queues.map { Set($0.map { ObjectIdentifier($0) }) } }

    func hasRemade(_ queue: ConsumeQueue) -> Bool { remade.contains(ObjectIdentifier(queue)) }

    /// Sees to it that a record's queue has its entry.
    /// - Parameters:
    ///   - fillsGaps: whether offsets between the queue's end and the record's are filled up, because the log has no records
    ///     for them.
    ///   - written: gets the entries that were written, also when an error comes after them.
    mutating func dispatch(
        _ record: CheckedRecord, fillsGaps: Bool, into written: inout [Dispatcher.Arrival], _ held: borrowing AppendState
    ) throws(StoreError) -> Outcome {
        guard RecordLayout.entersQueue(record.systemFlag) else { return .noQueue }
        let tagCode = record.tagCode(delayLevels: delayLevels)
        var outcome = Outcome.noQueue
        if let queue = queue(of: record, held) {
            outcome = try make(room: queue, at: record.queueOffset, for: record, isOwn: true, fillsGaps: fillsGaps, held)
            if outcome == .written { written.append(write(record, tagCode, to: queue, isOwn: true, held)) }
        }
        guard dispatchesToSeveral, outcome != .gap, outcome != .mayBegin else { return outcome }
        return try dispatchFurther(record, tagCode, outcome, fillsGaps: fillsGaps, into: &written, held)
    }

    /// Sees to it that the other queues that a record names have their entries, which carry plain tag codes.
    private mutating func dispatchFurther(
        _ record: CheckedRecord, _ tagCode: Int64, _ outcome: Outcome, fillsGaps: Bool, into written: inout [Dispatcher.Arrival],
        _ held: borrowing AppendState
    ) throws(StoreError) -> Outcome {
        let names = FurtherQueues.names(in: record.properties)
        guard !names.isEmpty, let offsets = FurtherQueues.offsets(in: record.properties, count: names.count) else { return outcome }
        var outcome = outcome
        for (name, offset) in zip(names, offsets) where StoreFiles.isSafeName([UInt8](name.utf8)) {
            guard let queue = queue(FurtherQueues.key(name, queueId: record.queueId, lightQueues: lightQueues)) else { continue }
            switch try make(room: queue, at: offset, for: record, isOwn: false, fillsGaps: fillsGaps, held) {
            case .written:
                written.append(write(record, tagCode, to: queue, isOwn: false, held))
                outcome = .written
            case .gap: return .gap
            case .mayBegin: return .mayBegin
            case .present, .noQueue: break
            }
        }
        return outcome
    }

    /// - Parameter isOwn: whether it is the queue that the record was sent to; in others, entries carry plain tag codes.
    private func write(
        _ record: CheckedRecord, _ tagCode: Int64, to queue: ConsumeQueue, isOwn: Bool, _ held: borrowing AppendState
    ) -> Dispatcher.Arrival {
        let code = isOwn ? queue.entryCode(tagCode, storeTimestamp: record.storeTimestamp, held) { record.properties } : tagCode
        queue.write(QueueEntry(position: record.physicalOffset, size: Int32(record.byteCount), tagCode: code), held)
        return Dispatcher.Arrival(queue: queue, newMaxOffset: queue.maxOffset, tagCode: tagCode)
    }

    /// Brings a queue to where the entry of a record is the next one.
    /// - Returns: `written` when the entry can be written now.
    private mutating func make(
        room queue: ConsumeQueue, at offset: Int64, for record: CheckedRecord, isOwn: Bool, fillsGaps: Bool, _ held: borrowing AppendState
    ) throws(StoreError) -> Outcome {
        guard offset <= Self.mostRecords(in: record.physicalOffset) else { return passOver(record.physicalOffset, offset, queue) }
        if stage == .remaking, remade.insert(ObjectIdentifier(queue)).inserted { try queue.reset(held) }
        if !doubtful.isEmpty, let before = doubtful[ObjectIdentifier(queue)] {
            guard before.entry.position != record.physicalOffset else { return .noQueue }
            try settle(before, next: offset, held)
        }
        if offset < queue.minOffset {
            // Files before the queue's first one are lost, or it began with a record that is damaged.
            if let outcome = try begin(queue, againWith: offset, record, isOwn: isOwn, held) { return outcome }
        }
        guard record.end > queue.maxPhysicalOffset else { return .present }
        if offset < queue.maxOffset {
            if try queue.entry(at: offset)?.position == record.physicalOffset { return .present }
            if let outcome = try begin(queue, againWith: offset, record, isOwn: isOwn, held) { return outcome }
        }
        if offset > queue.maxOffset {
            guard fillsGaps else { return .gap }
            if !Self.hasRoom(for: offset, at: record.physicalOffset, behind: queue) {
                if stage == .following { return passOver(record.physicalOffset, offset, queue) }
                if let outcome = try begin(queue, againWith: offset, record, isOwn: isOwn, held) { return outcome }
            } else if stage != .following, queue.maxPhysicalOffset >= 0 {
                return doubt(record, offset, queue, isOwn: isOwn)
            }
        }
        guard mayWrite(record, to: queue) else { return .mayBegin }
        if offset > queue.maxOffset { try fill(queue, upTo: offset, held) }
        try queue.prepare(1, held)
        return .written
    }

    /// See ``beginCompleting(trustedEnd:)``.
    private mutating func mayWrite(_ record: CheckedRecord, to queue: ConsumeQueue) -> Bool {
        guard stage == .completing, queue.maxPhysicalOffset < 0 else { return true }
        guard record.physicalOffset >= trustedEnd else { return false }
        begun.insert(ObjectIdentifier(queue))
        return true
    }

    /// No more records than this fit so many bytes of the log. No checksum covers a queue offset: a damaged one must neither
    /// fill the disk with entries for messages that never were, nor make an end of a queue.
    private static func mostRecords(in bytes: Int64) -> Int64 { bytes / Int64(RecordLayout.fixedByteCount + 16) }

    /// Whether the log has room for all records between a queue's newest one and that of `offset`.
    private static func hasRoom(for offset: Int64, at position: Int64, behind queue: ConsumeQueue) -> Bool {
        offset - queue.maxOffset <= mostRecords(in: position - max(0, queue.maxPhysicalOffset))
    }

    /// A record contradicts its queue. Offsets start again, with 0, when a topic was deleted and made anew: then what is there
    /// belongs to the old one.
    /// - Returns: nil when the queue was emptied, so that it begins with this record.
    private mutating func begin(
        _ queue: ConsumeQueue, againWith offset: Int64, _ record: CheckedRecord, isOwn: Bool, _ held: borrowing AppendState
    ) throws(StoreError) -> Outcome? {
        if offset != 0 {
            if stage == .completing { return .gap }
            if stage == .remaking {
                // Of a queue's first two records, either may be the damaged one.
                guard queue.maxOffset - queue.minOffset > 1 else { return doubt(record, offset, queue, isOwn: isOwn) }
                return passOver(record.physicalOffset, offset, queue)
            }
        } else if stage != .following, queue.maxPhysicalOffset >= 0 {
            return doubt(record, offset, queue, isOwn: isOwn)
        }
        try begin(queue, againWith: offset, at: record.physicalOffset, held)
        return nil
    }

    private mutating func begin(_ queue: ConsumeQueue, againWith offset: Int64, at position: Int64, _ held: borrowing AppendState) throws(StoreError) {
        logger.warning(
            "\(queue.topic) queue \(queue.queueId), which has offsets \(queue.minOffset) to \(queue.maxOffset), begins again with offset \(offset) "
                + "at \(position)")
        try queue.reset(held)
        if stage != .following { begun.insert(ObjectIdentifier(queue)) }
    }

    // MARK: Doubtful records

    private mutating func doubt(_ record: CheckedRecord, _ offset: Int64, _ queue: ConsumeQueue, isOwn: Bool) -> Outcome {
        let entry = QueueEntry(position: record.physicalOffset, size: Int32(record.byteCount), tagCode: record.tagCode(delayLevels: delayLevels))
        doubtful[ObjectIdentifier(queue)] = DoubtfulRecord(
            queue: queue, offset: offset, entry: entry, storeTimestamp: record.storeTimestamp, properties: isOwn ? Array(record.properties) : nil)
        return .noQueue
    }

    /// The next record of the queue is there: who is right?
    private mutating func settle(_ doubt: DoubtfulRecord, next: Int64, _ held: borrowing AppendState) throws(StoreError) {
        doubtful[ObjectIdentifier(doubt.queue)] = nil
        guard !doubt.isRight(next: next) else { return try believe(doubt, held) }
        _ = passOver(doubt.entry.position, doubt.offset, doubt.queue)
        // The offset that the damaged record had stays taken.
        if next == doubt.queue.maxOffset + 1 { try fill(doubt.queue, upTo: next, held) }
    }

    private mutating func believe(_ doubt: DoubtfulRecord, _ held: borrowing AppendState) throws(StoreError) {
        let queue = doubt.queue
        if doubt.offset < queue.maxOffset || !Self.hasRoom(for: doubt.offset, at: doubt.entry.position, behind: queue) {
            try begin(queue, againWith: doubt.offset, at: doubt.entry.position, held)
        }
        if doubt.offset > queue.maxOffset { try fill(queue, upTo: doubt.offset, held) }
        try queue.prepare(1, held)
        var entry = doubt.entry
        if let properties = doubt.properties {
            entry.tagCode = properties.withUnsafeBytes { bytes in
                queue.entryCode(entry.tagCode, storeTimestamp: doubt.storeTimestamp, held) { bytes }
            }
        }
        queue.write(entry, held)
    }

    /// The walk is over, and no record came behind these.
    /// - Parameter deletionsLast: whether the entries of a deleted topic cannot be there again, so that a queue which had some when
    ///   the walk began did not begin anew.
    mutating func settleRest(deletionsLast: Bool, _ held: borrowing AppendState) throws(StoreError) {
        for doubt in doubtful.values {
            let contradictsFiles = doubt.offset == 0 && deletionsLast && stage == .completing && !begun.contains(ObjectIdentifier(doubt.queue))
            // Of two records that contradict each other, the first one that says 0 is as it should be.
            let followsFirst = doubt.queue.minOffset == 0 && !Self.hasRoom(for: doubt.offset, at: doubt.entry.position, behind: doubt.queue)
            if contradictsFiles || followsFirst {
                _ = passOver(doubt.entry.position, doubt.offset, doubt.queue)
            } else {
                try believe(doubt, held)
            }
        }
        doubtful = [:]
    }

    private func passOver(_ position: Int64, _ offset: Int64, _ queue: ConsumeQueue) -> Outcome {
        logger.error(
            "the record at \(position) cannot be offset \(offset) of \(queue.topic) queue \(queue.queueId), whose next is "
                + "\(queue.maxOffset): it is damaged and gets no entry")
        return .noQueue
    }

    private func fill(_ queue: ConsumeQueue, upTo offset: Int64, _ held: borrowing AppendState) throws(StoreError) {
        if queue.maxPhysicalOffset < 0 {
            try queue.reset(held)
            try queue.begin(at: offset, held)
            return
        }
        // Records are missing in the log; their offsets stay taken.
        while queue.maxOffset < offset {
            try queue.prepare(1, held)
            queue.writeFiller(held)
        }
    }

    private mutating func queue(of record: CheckedRecord, _ held: borrowing AppendState) -> ConsumeQueue? {
        var fingerprint: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in record.topic { fingerprint = (fingerprint ^ UInt64(byte)) &* 0x100_0000_01B3 }
        fingerprint = (fingerprint ^ UInt64(UInt32(bitPattern: record.queueId))) &* 0x9E37_79B9_7F4A_7C15
        if let queue = seen[fingerprint], queue.queueId == record.queueId, !queue.isRetired(held), record.topic.elementsEqual(queue.topicBytes) {
            return isChosen(queue) ? queue : nil
        }
        guard record.queueId >= 0, record.queueOffset >= 0, StoreFiles.isSafeName([UInt8](record.topic)) else {
            logger.warning("the record at \(record.physicalOffset) names a queue that cannot be stored")
            return nil
        }
        let topic = String(decoding: record.topic, as: UTF8.self)
        let queue = queue(QueueKey(topic: topic, queueId: record.queueId))
        if let queue { seen[fingerprint] = queue }
        return queue
    }

    private func queue(_ key: QueueKey) -> ConsumeQueue? {
        guard chosen != nil else { return queues.findOrAdd(key) }
        return queues.find(key).flatMap { isChosen($0) ? $0 : nil }
    }

    private func isChosen(_ queue: ConsumeQueue) -> Bool { chosen?.contains(ObjectIdentifier(queue)) ?? true }
}

/// A record whose queue offset is not the one that is due. No checksum covers it.
///
///     queue  … 6 7 8 | 0 ?      the topic was deleted and made anew, or the record is the damaged 9
///     queue  … 6 7 8 | 13 ?     records between are lost, or the record is the damaged 9
///     queue        8 | 3 ?      the queue's first record is the damaged 2, or this is the damaged 9
private struct DoubtfulRecord: Sendable {
    let queue: ConsumeQueue
    let offset: Int64
    /// With the plain tag code.
    let entry: QueueEntry
    let storeTimestamp: Int64
    /// nil in a queue that the record was not sent to, where entries carry plain tag codes.
    let properties: [UInt8]?

    /// Decides by the offset of the next record of the queue.
    func isRight(next: Int64) -> Bool {
        let due = queue.maxOffset
        if next == due + 1 { return false }
        if next == offset + 1 { return true }
        return offset < due ? next < due : next > offset
    }
}
