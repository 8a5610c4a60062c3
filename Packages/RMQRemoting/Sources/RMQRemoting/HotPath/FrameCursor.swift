import RMQCommon

/// Writes one frame into memory that was reserved for it. Every write checks that it fits.
struct FrameCursor {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    @inline(__always)
    private mutating func claim(_ bytes: Int) -> UnsafeMutableRawPointer {
        precondition(bytes >= 0 && bytes <= memory.count - count, "a reply is longer than what was reserved for it")
        defer { count += bytes }
        return memory.baseAddress! + count
    }

    @inline(__always)
    mutating func put(_ literal: StaticString) {
        claim(literal.utf8CodeUnitCount).copyMemory(from: literal.utf8Start, byteCount: literal.utf8CodeUnitCount)
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        claim(bytes.count).copyMemory(from: source, byteCount: bytes.count)
    }

    @inline(__always)
    mutating func put(_ bytes: [UInt8]) { bytes.withUnsafeBytes { put($0) } }

    @inline(__always)
    mutating func put(bigEndian value: some FixedWidthInteger & BitwiseCopyable) {
        claim(value.bitWidth / 8).storeBytes(of: value.bigEndian, as: type(of: value))
    }

    @inline(__always)
    mutating func put(bigEndian value: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        precondition(offset >= 0 && offset + value.bitWidth / 8 <= count)
        (memory.baseAddress! + offset).storeBytes(of: value.bigEndian, as: type(of: value))
    }

    /// Decimal text.
    @inline(__always)
    mutating func put(decimal value: Int64) {
        let digits = Self.decimalCount(value)
        let start = claim(digits).assumingMemoryBound(to: UInt8.self)
        var left = value.magnitude
        var index = digits
        repeat {
            index -= 1
            start[index] = UInt8(truncatingIfNeeded: left % 10) + 0x30
            left /= 10
        } while left > 0
        if value < 0 { start[0] = UInt8(ascii: "-") }
    }

    /// Sixteen upper-case hexadecimal digits.
    @inline(__always)
    mutating func put(hex value: UInt64) {
        let start = claim(16)
        start.storeBytes(of: Hex.digits(UInt32(truncatingIfNeeded: value >> 32)).bigEndian, as: UInt64.self)
        start.storeBytes(of: Hex.digits(UInt32(truncatingIfNeeded: value)).bigEndian, toByteOffset: 8, as: UInt64.self)
    }

    /// An entry of a ROCKETMQ header whose value is a number.
    @inline(__always)
    mutating func put(entry name: StaticString, decimal value: Int64) {
        put(bigEndian: Int16(name.utf8CodeUnitCount))
        put(name)
        put(bigEndian: Int32(Self.decimalCount(value)))
        put(decimal: value)
    }

    @inline(__always)
    static func decimalCount(_ value: Int64) -> Int {
        var digits = value < 0 ? 2 : 1
        var left = value.magnitude
        while left >= 10 {
            digits += 1
            left /= 10
        }
        return digits
    }

    /// Fills in the two length words of the frame that starts at 0.
    @inline(__always)
    mutating func finish(_ serialization: HeaderSerialization, headerCount: Int, bodyCount: Int) {
        put(bigEndian: Int32(truncatingIfNeeded: 4 + headerCount + bodyCount), at: 0)
        put(bigEndian: UInt32(serialization.rawValue) << 24 | UInt32(truncatingIfNeeded: headerCount & 0xFF_FFFF), at: 4)
    }
}
