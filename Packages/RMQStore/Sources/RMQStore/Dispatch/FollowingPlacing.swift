import RMQCommon

/// Records are as they were just written: what contradicts a queue says that its topic was deleted and made again.
struct FollowingPlacing: EntryPlacing {
    let logger: Logger

    mutating func makeRoom(for record: PlacedRecord, _ held: borrowing AppendState) throws(StoreError) -> EntryOutcome {
        let queue = record.queue
        guard record.isPlausible else { return passOver(record) }
        if record.offset < queue.minOffset { try begin(record, held) }
        guard record.record.end > queue.maxPhysicalOffset else { return .present }
        if record.offset < queue.maxOffset {
            if try queue.entry(at: record.offset)?.position == record.record.physicalOffset { return .present }
            try begin(record, held)
        }
        if record.offset > queue.maxOffset, !record.hasRoom { return passOver(record) }
        try queue.fill(upTo: record.offset, held)
        try queue.prepare(1, held)
        return .written
    }

    /// Offsets start again, with 0, when a topic was deleted and made again: what is there belongs to the old one.
    private func begin(_ record: PlacedRecord, _ held: borrowing AppendState) throws(StoreError) {
        logger.noteBeginning(record.queue, with: record.offset, at: record.record.physicalOffset)
        try record.queue.reset(held)
    }

    private func passOver(_ record: PlacedRecord) -> EntryOutcome {
        logger.notePassedOver(record.record.physicalOffset, record.offset, record.queue)
        return .noQueue
    }
}
