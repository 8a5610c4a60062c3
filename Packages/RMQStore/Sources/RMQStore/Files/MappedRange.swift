/// Bytes of a mapped file, readable for as long as this value lives.
///
/// The mapping is released when the last range and the store let go of `owner`; deleting the file does not disturb it.
public struct MappedRange: @unchecked Sendable {
    // Sendable: the owner is, and the bytes below a published position never change.

    /// Keeps the mapping alive.
    public let owner: MappedFile
    public let bytes: UnsafeRawBufferPointer

    init(owner: MappedFile, start: Int, count: Int) {
        self.owner = owner
        bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(owner.base + start), count: count)
    }

    /// Where in the file it begins.
    var position: Int { bytes.baseAddress.map { $0 - UnsafeRawPointer(owner.base) } ?? 0 }
    /// Where in the log or queue it begins.
    var offset: Int64 { owner.baseOffset + Int64(position) }

    private init(owner: MappedFile, bytes: UnsafeRawBufferPointer) {
        self.owner = owner
        self.bytes = bytes
    }

    /// This range and the `count` bytes behind it, if `file` is the same file and `start` is where this range ends.
    func extended(by file: MappedFile, start: Int, count: Int) -> MappedRange? {
        guard file === owner, let first = bytes.baseAddress, first + bytes.count == UnsafeRawPointer(file.base + start) else { return nil }
        return MappedRange(owner: owner, bytes: UnsafeRawBufferPointer(start: first, count: bytes.count + count))
    }
}
