import RMQCommon
import RMQStore

/// The records of a chunk that the store read: one behind the other, each says how long it is.
struct RecordsInChunk: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    mutating func next() -> UnsafeRawBufferPointer? {
        guard rest.count >= MessageRecord.minimumByteCount else { return nil }
        let size = Int(Int32(bigEndian: rest.loadUnaligned(as: Int32.self)))
        guard size >= MessageRecord.minimumByteCount, size <= rest.count else { return nil }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[size...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<size])
    }
}
