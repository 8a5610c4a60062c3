/// Reads big-endian fields from borrowed bytes.
///
/// Valid only as long as those bytes are. Every read checks the length and leaves the position where it was on failure.
public struct ByteReader {
    /// What is read; owned by somebody else.
    public let bytes: UnsafeRawBufferPointer
    /// The offset of the next byte, always within 0...bytes.count.
    public var position: Int

    /// Starts at the first byte.
    /// - Parameter bytes: have to stay as they are while this is used.
    @inlinable public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        position = 0
    }

    /// Bytes that were not read yet.
    @inlinable public var remaining: Int { bytes.count &- position }
    /// Whether every byte was read.
    @inlinable public var isAtEnd: Bool { position == bytes.count }

    /// Moves to an absolute offset; false when it lies outside the bytes.
    @inlinable public mutating func seek(to offset: Int) -> Bool {
        guard offset >= 0, offset <= bytes.count else { return false }
        position = offset
        return true
    }

    /// The next number, big endian; nil when fewer bytes are left than it has.
    @inlinable @inline(__always)
    public mutating func read<T: FixedWidthInteger & BitwiseCopyable>(as type: T.Type) -> T? {
        guard remaining >= MemoryLayout<T>.size else { return nil }
        let value = bytes.loadUnaligned(fromByteOffset: position, as: T.self)
        position &+= MemoryLayout<T>.size
        return T(bigEndian: value)
    }

    /// The next byte; nil at the end.
    @inlinable public mutating func readUInt8() -> UInt8? { read(as: UInt8.self) }
    /// The next two bytes, big endian; nil when there are fewer.
    @inlinable public mutating func readInt16() -> Int16? { read(as: Int16.self) }
    /// The next four bytes, big endian; nil when there are fewer.
    @inlinable public mutating func readInt32() -> Int32? { read(as: Int32.self) }
    /// The next eight bytes, big endian; nil when there are fewer.
    @inlinable public mutating func readInt64() -> Int64? { read(as: Int64.self) }

    /// A view of the next `count` bytes; nil when fewer are left or `count` is negative.
    @inlinable public mutating func readBytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= remaining else { return nil }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position ..< position &+ count])
        position &+= count
        return slice
    }

    /// The next `count` bytes as text; malformed UTF-8 is repaired with U+FFFD.
    @inlinable public mutating func readString(utf8Count count: Int) -> String? {
        readBytes(count).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Passes over `count` bytes; false, without a move, when fewer are left or `count` is negative.
    @inlinable public mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, count <= remaining else { return false }
        position &+= count
        return true
    }
}
