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
}
