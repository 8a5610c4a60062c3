/// A record whose queue offset is not the one that is due. No checksum covers it.
///
///     queue  … 6 7 8 | 0 ?      the topic was deleted and made again, or the record is the damaged 9
///     queue  … 6 7 8 | 13 ?     records between are lost, or the record is the damaged 9
///     queue        8 | 3 ?      the queue's first record is the damaged 2, or this is the damaged 9
struct DoubtfulRecord: Sendable {
    let queue: ConsumeQueue
    let offset: Int64
    /// With the plain tag code.
    let entry: QueueEntry
    private let storeTimestamp: Int64
    /// nil in a queue that the record was not sent to, where entries carry plain tag codes.
    private let properties: [UInt8]?

    init(_ placed: PlacedRecord) {
        let record = placed.record
        queue = placed.queue
        offset = placed.offset
        entry = QueueEntry(position: record.physicalOffset, size: Int32(record.byteCount), tagCode: placed.tagCode)
        storeTimestamp = record.storeTimestamp
        properties = placed.isOwn ? Array(record.properties) : nil
    }

    /// Decides by the offset of the next record of the queue.
    func isRight(next: Int64) -> Bool {
        let due = queue.maxOffset
        if next == due + 1 { return false }
        if next == offset + 1 { return true }
        return offset < due ? next < due : next > offset
    }

    /// Whether the log has room for all records between the queue's newest one and this one.
    var hasRoom: Bool { QueueRoom.isThere(for: offset, at: entry.position, behind: queue) }

    func write(_ held: borrowing AppendState) {
        var entry = entry
        if let properties {
            entry.tagCode = properties.withUnsafeBytes { bytes in
                queue.entryCode(entry.tagCode, storeTimestamp: storeTimestamp, held) { bytes }
            }
        }
        queue.write(entry, held)
    }
}
