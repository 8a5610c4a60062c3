/// Appends big-endian fields to a growing array of bytes.
public struct ByteWriter: Sendable {
    /// What was written so far.
    public var bytes: [UInt8]

    /// - Parameter capacity: bytes to have room for at once; more are fine.
    @inlinable public init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Bytes written so far: the offset of what comes next.
    @inlinable public var count: Int { bytes.count }

    /// Appends a number, big endian, in as many bytes as its type has.
    @inlinable @inline(__always)
    public mutating func write<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends bytes as they are, without their number.
    @inlinable public mutating func write(bytes other: some Sequence<UInt8>) { bytes.append(contentsOf: other) }

    /// Appends bytes as they are, without their number.
    @inlinable public mutating func write(bytes other: UnsafeRawBufferPointer) { bytes.append(contentsOf: other) }

    /// Appends the bytes of a text, without their number.
    @inlinable public mutating func write(utf8 text: String) { bytes.append(contentsOf: text.utf8) }

    /// Overwrites a field written before, such as a length that was not yet known.
    @inlinable public mutating func replace<T: FixedWidthInteger>(at offset: Int, with value: T) {
        precondition(offset >= 0 && offset + MemoryLayout<T>.size <= bytes.count, "the field was written before")
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self) }
    }
}
