import RMQCommon

/// One message, or a batch of them for one queue, encoded but for what only the append knows.
///
/// Its bytes lie in the scratch space of the ``RecordEncoder`` that made it: append it, or add it to the ``AppendBatch`` of that
/// encoder, before that encoder encodes again.
/// Queue offset, physical offset and store time are stamped under the append lock.
public struct RecordDraft {
    struct Entry {
        var byteCount: Int32
        var tagCode: Int64
    }

    /// The records back to back.
    private(set) var bytes: UnsafeMutableRawBufferPointer
    /// How many bytes of scratch space follow, see ``extended(by:)``.
    var room = 0
    /// One per record.
    let entries: UnsafeMutableBufferPointer<Entry>
    let queue: ConsumeQueue
    let systemFlag: SystemFlag
    /// Of a delayed message: its delivery time, which stands in the queue entry, comes this long after its store time.
    var delayMilliseconds: Int64?

    /// Whether it is only appended if the one before it in its ``AppendBatch`` is.
    public var needsPrevious = false

    /// The size of all its records.
    public var byteCount: Int { bytes.count }
    /// 1, or the number of messages of a batch.
    public var messageCount: Int { entries.count }
    /// As ``AppendResult/batchByteCounts``.
    var batchByteCounts: [Int32] { entries.count == 1 ? [] : entries.map(\.byteCount) }

    /// The encoded properties of the record at a position of the bytes.
    func properties(at position: Int, count: Int) -> UnsafeRawBufferPointer {
        let parts = try? RecordParts(UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]), flag: systemFlag)
        assert(parts != nil, "the encoder made the record")
        return parts?.properties ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The same single record with more properties, which must fit into `room`.
    func extended(by text: String) -> RecordDraft {
        let added = Array(text.utf8)
        precondition(added.count <= room, "the encoder leaves room for as many properties as there may be")
        let propertiesCount = properties(at: 0, count: byteCount).count
        var draft = self
        draft.bytes = UnsafeMutableRawBufferPointer(start: bytes.baseAddress, count: byteCount + added.count)
        added.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: draft.bytes[byteCount...]).copyMemory(from: $0) }
        draft.bytes.storeBytes(of: Int32(draft.byteCount).bigEndian, as: Int32.self)
        draft.bytes.storeBytes(
            of: UInt16(propertiesCount + added.count).bigEndian, toByteOffset: byteCount - propertiesCount - 2, as: UInt16.self)
        draft.entries[0].byteCount = Int32(draft.byteCount)
        draft.room -= added.count
        return draft
    }

    /// Writes what the append decided into the scratch bytes.
    @inline(__always)
    func stamp(physicalOffset: Int64, queueOffset: Int64, storeTimestamp: Int64) {
        let storeTimestampOffset = MessageRecord.storeTimestampOffset(systemFlag)
        let numbered = systemFlag.entersQueue
        var position = 0
        var nextQueueOffset = queueOffset
        if let delayMilliseconds { entries[0].tagCode = storeTimestamp + delayMilliseconds }
        for entry in entries {
            let record = bytes.baseAddress! + position
            record.storeBytes(of: (numbered ? nextQueueOffset : 0).bigEndian, toByteOffset: MessageRecord.queueOffsetOffset, as: Int64.self)
            record.storeBytes(
                of: (physicalOffset + Int64(position)).bigEndian, toByteOffset: MessageRecord.physicalOffsetOffset, as: Int64.self)
            record.storeBytes(of: storeTimestamp.bigEndian, toByteOffset: storeTimestampOffset, as: Int64.self)
            position += Int(entry.byteCount)
            nextQueueOffset += 1
        }
    }
}
