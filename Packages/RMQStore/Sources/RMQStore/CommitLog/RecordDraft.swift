/// One message, or a batch of them for one queue, encoded but for what only the append knows.
///
/// Its bytes lie in the scratch space of the ``RecordEncoder`` that made it: append it before that encoder encodes again.
/// Queue offset, physical offset and store time are stamped under the append lock.
public struct RecordDraft {
    struct Entry {
        var byteCount: Int32
        var tagCode: Int64
    }

    /// The records back to back.
    let bytes: UnsafeMutableRawBufferPointer
    /// One per record.
    let entries: UnsafeMutableBufferPointer<Entry>
    let queue: ConsumeQueue
    let systemFlag: Int32
    /// Of a delayed message: its delivery time, which stands in the queue entry, comes this long after its store time.
    var delayMilliseconds: Int64?

    public var byteCount: Int { bytes.count }
    public var messageCount: Int { entries.count }

    /// Writes what the append decided into the scratch bytes.
    @inline(__always)
    func stamp(physicalOffset: Int64, queueOffset: Int64, storeTimestamp: Int64) {
        let storeTimestampPosition = RecordLayout.storeTimestampPosition(systemFlag)
        let numbered = RecordLayout.entersQueue(systemFlag)
        var position = 0
        var nextQueueOffset = queueOffset
        if let delayMilliseconds { entries[0].tagCode = storeTimestamp + delayMilliseconds }
        for entry in entries {
            let record = bytes.baseAddress! + position
            record.storeBytes(of: (numbered ? nextQueueOffset : 0).bigEndian, toByteOffset: RecordLayout.queueOffsetPosition, as: Int64.self)
            record.storeBytes(
                of: (physicalOffset + Int64(position)).bigEndian, toByteOffset: RecordLayout.physicalOffsetPosition, as: Int64.self)
            record.storeBytes(of: storeTimestamp.bigEndian, toByteOffset: storeTimestampPosition, as: Int64.self)
            position += Int(entry.byteCount)
            nextQueueOffset += 1
        }
    }
}
