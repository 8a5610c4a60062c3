/// A hash of bytes that is the same in every process: FNV-1a, 64 bits. Not for input that wants to collide.
public struct FNV1a {
    /// The hash of the bytes so far.
    public var value: UInt64 = 0xCBF2_9CE4_8422_2325

    /// The hash of nothing.
    @inlinable public init() {}

    /// Adds one byte.
    @inlinable @inline(__always)
    public mutating func combine(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }

    /// Adds bytes.
    @inlinable public mutating func combine(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { combine(byte) }
    }
}
