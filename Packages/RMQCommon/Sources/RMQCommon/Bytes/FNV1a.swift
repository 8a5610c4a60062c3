/// The FNV-1a hash of bytes, 64 bits: the same in every process, and quick for short names.
///
/// Who chooses the bytes can make them collide, so it is no hash for a table that strangers fill.
public struct FNV1a {
    @usableFromInline var state: UInt64 = 0xCBF2_9CE4_8422_2325

    @inlinable public init() {}

    /// The hash of all that was added so far.
    @inlinable public var value: UInt64 { state }

    /// One more byte.
    @inlinable @inline(__always) public mutating func add(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x100_0000_01B3
    }

    /// More bytes, in their order. Where one addition ends and the next begins makes no difference.
    @inlinable @inline(__always) public mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { add(byte) }
    }
}
