import RMQCommon

/// Records come from the disk, which may have changed them, and so may have the entries that are there.
///
///     completing   entries are believed; a record that contradicts its queue calls for a walk through all of the log (`gap`)
///     remaking     that walk: every queue begins empty with the first of its records, so it is the record that must be damaged
///
/// A queue without any entry gets none for records below `trustedEnd` while completing: its topic was deleted behind them. If
/// it was lost instead, the checkpoint counted one queue more than there are, and the other walk makes it again.
struct RecoveryPlacing: EntryPlacing {
    private enum Stage { case completing, remaking }

    private let logger: Logger
    private var stage = Stage.completing
    /// Whether offsets between a queue's end and a record's are filled up, because the log has no records for them: when the walk
    /// meets all records of the queues in question.
    var fillsGaps = false
    /// The checkpoint counted the queues that have records below.
    private let trustedEnd: Int64
    /// Queues whose files are damaged, so that it says nothing about them when they have no entry.
    private var damaged: Set<ObjectIdentifier> = []
    /// Queues that the walk made anew.
    private var remade: Set<ObjectIdentifier> = []
    /// Queues without entries that the walk gave some, and those that it had begin again: what is in them does not tell
    /// whether a later record is of another life of the topic.
    private var begun: Set<ObjectIdentifier> = []
    /// Records that contradict what their queues had before them, until the next record of the queue tells who is right.
    private var doubtful: [ObjectIdentifier: DoubtfulRecord] = [:]

    init(trustedEnd: Int64, logger: Logger) {
        self.trustedEnd = trustedEnd
        self.logger = logger
    }

    /// These get all entries that they lack, whatever is left of them.
    mutating func complete(_ queues: [ConsumeQueue]) { damaged = Set(queues.map { ObjectIdentifier($0) }) }

    /// From now on every queue begins empty with the first of its records that is met: for a walk through all of the log.
    mutating func beginRemaking() {
        stage = .remaking
        fillsGaps = true
        doubtful = [:]
    }

    func hasRemade(_ queue: ConsumeQueue) -> Bool { remade.contains(ObjectIdentifier(queue)) }

    mutating func makeRoom(for record: PlacedRecord, _ held: borrowing AppendState) throws(StoreError) -> EntryOutcome {
        let queue = record.queue
        guard record.isPlausible else { return passOver(record) }
        if stage == .remaking, remade.insert(ObjectIdentifier(queue)).inserted { try queue.reset(held) }
        if !doubtful.isEmpty, let before = doubtful[ObjectIdentifier(queue)] {
            guard before.entry.position != record.record.physicalOffset else { return .noQueue }
            try settle(before, next: record.offset, held)
        }
        if isOfDeletedTopic(record) { return .noQueue }
        if record.offset < queue.minOffset {
            // Files before the queue's first one are lost, or it began with a record that is damaged.
            if let outcome = try begin(record, held) { return outcome }
        }
        guard record.record.end > queue.maxPhysicalOffset else { return .present }
        if record.offset < queue.maxOffset {
            if try queue.entry(at: record.offset)?.position == record.record.physicalOffset { return .present }
            if let outcome = try begin(record, held) { return outcome }
        }
        if record.offset > queue.maxOffset {
            guard fillsGaps else { return .gap }
            if !record.hasRoom {
                if let outcome = try begin(record, held) { return outcome }
            } else if queue.maxPhysicalOffset >= 0 {
                return doubt(record)
            }
        }
        if stage == .completing, queue.maxPhysicalOffset < 0 { begun.insert(ObjectIdentifier(queue)) }
        try queue.fill(upTo: record.offset, held)
        try queue.prepare(1, held)
        return .written
    }

    private func isOfDeletedTopic(_ record: PlacedRecord) -> Bool {
        stage == .completing && record.queue.maxPhysicalOffset < 0 && record.record.physicalOffset < trustedEnd
            && !damaged.contains(ObjectIdentifier(record.queue))
    }

    /// A record contradicts its queue. Offsets start again, with 0, when a topic was deleted and made anew: then what is there
    /// belongs to the old one.
    /// - Returns: nil when the queue was emptied, so that it begins with this record.
    private mutating func begin(_ record: PlacedRecord, _ held: borrowing AppendState) throws(StoreError) -> EntryOutcome? {
        let queue = record.queue
        if record.offset != 0 {
            if stage == .completing { return .gap }
            // Of a queue's first two records, either may be the damaged one.
            return queue.maxOffset - queue.minOffset > 1 ? passOver(record) : doubt(record)
        }
        if queue.maxPhysicalOffset >= 0 { return doubt(record) }
        try begin(queue, with: record.offset, at: record.record.physicalOffset, held)
        return nil
    }

    private mutating func begin(
        _ queue: ConsumeQueue, with offset: Int64, at position: Int64, _ held: borrowing AppendState
    ) throws(StoreError) {
        logger.noteBeginning(queue, with: offset, at: position)
        try queue.reset(held)
        begun.insert(ObjectIdentifier(queue))
    }

    private func passOver(_ record: PlacedRecord) -> EntryOutcome {
        logger.notePassedOver(record.record.physicalOffset, record.offset, record.queue)
        return .noQueue
    }

    // MARK: Doubtful records

    private mutating func doubt(_ record: PlacedRecord) -> EntryOutcome {
        doubtful[ObjectIdentifier(record.queue)] = DoubtfulRecord(record)
        return .noQueue
    }

    /// The next record of the queue is there: who is right?
    private mutating func settle(_ doubt: DoubtfulRecord, next: Int64, _ held: borrowing AppendState) throws(StoreError) {
        doubtful[ObjectIdentifier(doubt.queue)] = nil
        guard !doubt.isRight(next: next) else { return try believe(doubt, held) }
        logger.notePassedOver(doubt.entry.position, doubt.offset, doubt.queue)
        // The offset that the damaged record had stays taken.
        if next == doubt.queue.maxOffset + 1 { try doubt.queue.fill(upTo: next, held) }
    }

    private mutating func believe(_ doubt: DoubtfulRecord, _ held: borrowing AppendState) throws(StoreError) {
        let queue = doubt.queue
        if doubt.offset < queue.maxOffset || !doubt.hasRoom { try begin(queue, with: doubt.offset, at: doubt.entry.position, held) }
        try queue.fill(upTo: doubt.offset, held)
        try queue.prepare(1, held)
        doubt.write(held)
    }

    /// The walk is over, and no record came behind these.
    /// - Parameter deletionsLast: whether the entries of a deleted topic cannot be there again, so that a queue which had some when
    ///   the walk began did not begin anew.
    mutating func settleRest(deletionsLast: Bool, _ held: borrowing AppendState) throws(StoreError) {
        for doubt in doubtful.values {
            let contradictsFiles = doubt.offset == 0 && deletionsLast && stage == .completing && !begun.contains(ObjectIdentifier(doubt.queue))
            // Of two records that contradict each other, the first one that says 0 is as it should be.
            let followsFirst = doubt.queue.minOffset == 0 && !doubt.hasRoom
            if contradictsFiles || followsFirst {
                logger.notePassedOver(doubt.entry.position, doubt.offset, doubt.queue)
            } else {
                try believe(doubt, held)
            }
        }
        doubtful = [:]
    }
}
