import Glibc

/// Memory for the header of one request after the other; a loop has one.
final class HeaderScratch {
    /// Header fields kept of one request; the largest hot header has 14, signatures add three.
    static let fieldLimit = 32
    /// The longest legal property string is 32,767 bytes; longer ones go the slow way and are refused there.
    static let textBytes = 64 * 1024

    let fields = UnsafeMutableBufferPointer<FieldSlot>.allocate(capacity: fieldLimit)
    let text = UnsafeMutableRawBufferPointer.allocate(byteCount: textBytes, alignment: 64)

    deinit {
        fields.deallocate()
        text.deallocate()
    }
}

/// Where one header field lies, in bytes from the start of the header.
struct FieldSlot: BitwiseCopyable {
    var keyStart: Int32 = 0
    var keyCount: Int32 = 0
    var valueStart: Int32 = 0
    var valueCount: Int32 = 0
    /// A JSON string with a backslash in it.
    var isEscaped = false

    @inline(__always)
    func key(in header: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: header[Int(keyStart)..<Int(keyStart) + Int(keyCount)])
    }

    @inline(__always)
    func value(in header: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: header[Int(valueStart)..<Int(valueStart) + Int(valueCount)])
    }
}

/// What every header says, beside its fields.
struct ScannedHeader {
    var code: Int32 = 0
    var opaque: Int32 = 0
    var flag: Int32 = 0
    var version: Int32 = 0
    var languageCode: UInt8 = 0
    var fieldCount = 0
    /// A JSON header may have fields and none of them.
    var hasFields = false
    /// Of a JSON header, as a value without a key.
    var remark: FieldSlot?
}

extension UnsafeRawBufferPointer {
    /// Compares with a literal.
    @inline(__always)
    func equals(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount, count > 0 else { return false }
        return memcmp(baseAddress!, literal.utf8Start, count) == 0
    }

    /// The decimal number that these bytes are; nil for anything else, overflow included.
    @inline(__always)
    var decimal: Int64? {
        var index = 0
        let isNegative = count > 0 && self[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        // 18 digits cannot overflow; numbers with more are not on the hot path but may arrive.
        guard index < count, count - index <= 18 else { return longDecimal }
        var value: Int64 = 0
        while index < count {
            let digit = self[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value &* 10 &+ Int64(digit)
            index += 1
        }
        return isNegative ? -value : value
    }

    /// Takes these bytes as a text or a truth value, which they always are, or as a number; false when they are none.
    @inline(__always)
    func read(into target: inout UnsafeRawBufferPointer) -> Bool {
        target = self
        return true
    }

    @inline(__always)
    func read(into target: inout UnsafeRawBufferPointer?) -> Bool {
        target = self
        return true
    }

    @inline(__always)
    func read(into target: inout Bool) -> Bool {
        target = isTrue
        return true
    }

    @inline(__always)
    func read<Number: FixedWidthInteger>(into target: inout Number?) -> Bool {
        var number: Number = 0
        guard read(into: &number) else { return false }
        target = number
        return true
    }

    @inline(__always)
    func read<Number: FixedWidthInteger>(into target: inout Number) -> Bool {
        guard let number = decimal.flatMap({ Number(exactly: $0) }) else { return false }
        target = number
        return true
    }

    private var longDecimal: Int64? { count > 0 && count <= 20 && self[0] != UInt8(ascii: "+") ? Int64(String(decoding: self, as: UTF8.self)) : nil }

    @inline(__always)
    var decimal32: Int32? { decimal.flatMap { Int32(exactly: $0) } }

    /// Anything but `true` in whatever case is false.
    @inline(__always)
    var isTrue: Bool {
        count == 4 && (loadUnaligned(as: UInt32.self) | 0x2020_2020) == UInt32(littleEndian: 0x6575_7274)
    }
}
