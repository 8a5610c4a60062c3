import RMQCommon

/// Bytes of a mapped file, readable for as long as this value lives.
///
/// The mapping is released when the last range and the store let go of `owner`; deleting the file does not disturb it.
public struct MappedRange: @unchecked Sendable {
    // Sendable: the owner is, and the bytes below a published position never change.

    /// Keeps the mapping alive.
    public let owner: MappedFile
    /// Mapped from the file; valid as long as this, or a copy of it, lives.
    public let bytes: UnsafeRawBufferPointer

    init(owner: MappedFile, start: Int, count: Int) {
        self.owner = owner
        bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(owner.base + start), count: count)
    }

    /// Where in the file it begins.
    var position: Int { bytes.baseAddress.map { $0 - UnsafeRawPointer(owner.base) } ?? 0 }
    /// Where in the log or queue it begins.
    var offset: Int64 { owner.baseOffset + Int64(position) }

    /// When the record was stored that begins at this place of the log; nil when the range does not hold its beginning.
    func storeTimestamp(at physicalOffset: Int64) -> Int64? {
        let start = physicalOffset - owner.baseOffset
        guard start >= Int64(position), start <= Int64(position + bytes.count - MessageRecord.minimumByteCount) else { return nil }
        let systemFlag = SystemFlag(rawValue: owner.loadInt32(Int(start) + MessageRecord.systemFlagOffset))
        return owner.loadInt64(Int(start) + MessageRecord.storeTimestampOffset(systemFlag))
    }
}
