/// One pass over a JSON header that leaves its text where it is: hot requests are read from it as it is, all other commands
/// with a copy of their text (``JSONHeaderReader``).
///
/// Reads the plain form that every client writes; anything unusual (nested values, single quotes, escaped names,
/// fractions) makes it give up, and the header is read by the tolerant reader. It never decides that a header is wrong.
struct HotJSON {
    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    /// Fills `fields` with what `extFields` holds.
    static func scan(_ header: UnsafeRawBufferPointer, fields: UnsafeMutableBufferPointer<FieldSlot>) -> ScannedHeader? {
        var scanner = HotJSON(bytes: header)
        return scanner.header(fields)
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func header(_ fields: UnsafeMutableBufferPointer<FieldSlot>) -> ScannedHeader? {
        var header = ScannedHeader()
        var hasCode = false
        var hasOpaque = false
        guard take(UInt8(ascii: "{")) else { return nil }
        repeat {
            guard let key = plainText(), take(UInt8(ascii: ":")) else { return nil }
            switch key.count {
            case 4 where key.equals("code"):
                guard let number = integer() else { return nil }
                header.code = number
                hasCode = true
            case 4 where key.equals("flag"):
                guard let number = integer() else { return nil }
                header.flag = number
            case 6 where key.equals("opaque"):
                guard let number = integer() else { return nil }
                header.opaque = number
                hasOpaque = true
            case 6 where key.equals("remark"):
                if let text = string() {
                    header.remark = FieldSlot(text)
                } else if !takeNull() {
                    return nil
                }
            case 7 where key.equals("version"):
                guard let number = integer() else { return nil }
                header.version = number
            case 8 where key.equals("language"):
                if let name = plainText() {
                    header.languageCode = LanguageName.code(name)
                } else if let number = integer(), let code = UInt8(exactly: number) {
                    header.languageCode = code
                } else {
                    return nil
                }
            case 9 where key.equals("extFields"):
                if take(UInt8(ascii: "{")) {
                    guard let count = extFields(fields) else { return nil }
                    header.fieldCount = count
                    header.hasFields = true
                } else if !takeNull() {
                    return nil
                }
            case 23 where key.equals("serializeTypeCurrentRPC"):
                guard plainText() != nil else { return nil }
            default:
                return nil
            }
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")), hasCode, hasOpaque else { return nil }
        // Whatever control characters follow are blanks, as the NUL of a C program's text.
        while at < bytes.count, bytes[at] <= 0x20 { at += 1 }
        return at == bytes.count ? header : nil
    }

    /// What follows the brace; the number of fields.
    private mutating func extFields(_ fields: UnsafeMutableBufferPointer<FieldSlot>) -> Int? {
        if take(UInt8(ascii: "}")) { return 0 }
        var count = 0
        repeat {
            guard let key = string(), !key.isEscaped, take(UInt8(ascii: ":")), let value = string() else { return nil }
            guard count < fields.count else { return nil }
            fields[count] = FieldSlot(value)
            fields[count].keyStart = Int32(truncatingIfNeeded: key.start)
            fields[count].keyCount = Int32(truncatingIfNeeded: key.count)
            count += 1
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? count : nil
    }

    // MARK: Tokens

    fileprivate struct Text {
        let start: Int
        let count: Int
        let isEscaped: Bool
    }

    @inline(__always)
    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
    }

    @inline(__always)
    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func takeNull() -> Bool {
        guard bytes.count - at >= 4, UnsafeRawBufferPointer(rebasing: bytes[at..<at + 4]).equals("null") else { return false }
        at += 4
        return true
    }

    @inline(__always)
    private mutating func plainText() -> UnsafeRawBufferPointer? {
        let start = at
        guard let text = string(), !text.isEscaped else {
            at = start
            return nil
        }
        return UnsafeRawBufferPointer(rebasing: bytes[text.start..<text.start + text.count])
    }

    @inline(__always)
    private mutating func string() -> Text? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = at
        var isEscaped = false
        while true {
            at = bytes.nextQuoteOrBackslash(from: at)
            guard at < bytes.count else { return nil }
            if bytes[at] == UInt8(ascii: "\"") {
                at += 1
                return Text(start: start, count: at - 1 - start, isEscaped: isEscaped)
            }
            isEscaped = true
            at += 2  // the backslash and what it protects
        }
    }

    @inline(__always)
    private mutating func integer() -> Int32? {
        skipSpace()
        let start = at
        while at < bytes.count, bytes[at] == UInt8(ascii: "-") || (bytes[at] >= 0x30 && bytes[at] <= 0x39) { at += 1 }
        guard at < bytes.count else { return nil }  // an object still has its brace
        return UnsafeRawBufferPointer(rebasing: bytes[start..<at]).decimal32
    }
}

extension UnsafeRawBufferPointer {
    /// The index of the next `"` or `\`, or `count`; eight bytes at a time.
    @inline(__always)
    func nextQuoteOrBackslash(from start: Int) -> Int {
        var index = start
        while index &+ 8 <= count {
            let word = UInt64(littleEndian: loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quote = word ^ 0x2222_2222_2222_2222
            let backslash = word ^ 0x5C5C_5C5C_5C5C_5C5C
            // The lowest marked byte is exact; higher marks may be carries, but only the lowest one is used.
            let marks = (((quote &- 0x0101_0101_0101_0101) & ~quote) | ((backslash &- 0x0101_0101_0101_0101) & ~backslash)) & 0x8080_8080_8080_8080
            if marks != 0 { return index &+ (marks.trailingZeroBitCount >> 3) }
            index &+= 8
        }
        while index < count, self[index] != UInt8(ascii: "\""), self[index] != UInt8(ascii: "\\") { index += 1 }
        return Swift.min(index, count)
    }

    /// Writes the text of this JSON string (without its quotes) into `target` and returns its length.
    /// Nil when an escape is wrong or names half a surrogate pair, and when `target` is too small.
    func unescapeJSON(into target: UnsafeMutableRawBufferPointer) -> Int? {
        guard count <= target.count else { return nil }  // the text is never longer than its escaped form
        var read = 0
        var written = 0
        while read < count {
            let stop = nextQuoteOrBackslash(from: read)
            if stop > read {
                (target.baseAddress! + written).copyMemory(from: baseAddress! + read, byteCount: stop - read)
                written += stop - read
                read = stop
            }
            guard read < count else { break }
            guard read + 1 < count, self[read] == UInt8(ascii: "\\") else { return nil }
            var byte = self[read + 1]
            read += 2
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): break
            case UInt8(ascii: "b"): byte = 0x08
            case UInt8(ascii: "f"): byte = 0x0C
            case UInt8(ascii: "n"): byte = 0x0A
            case UInt8(ascii: "r"): byte = 0x0D
            case UInt8(ascii: "t"): byte = 0x09
            case UInt8(ascii: "u"):
                guard let unit = hexUnit(at: read) else { return nil }
                read += 4
                guard unit >= 0x80 else {
                    byte = UInt8(unit)  // the separators of a property string: by far the most common escape
                    break
                }
                var scalar = UInt32(unit)
                if unit >= 0xD800, unit < 0xE000 {
                    guard unit < 0xDC00, read + 6 <= count, self[read] == UInt8(ascii: "\\"), self[read + 1] == UInt8(ascii: "u"),
                        let low = hexUnit(at: read + 2), low >= 0xDC00, low < 0xE000
                    else { return nil }
                    read += 6
                    scalar = 0x10000 + (UInt32(unit - 0xD800) << 10) + UInt32(low - 0xDC00)
                }
                guard let utf8 = Unicode.Scalar(scalar).flatMap({ UTF8.encode($0) }) else { return nil }
                for part in utf8 {
                    target[written] = part
                    written += 1
                }
                continue
            default: return nil
            }
            target[written] = byte
            written += 1
        }
        return written
    }

    @inline(__always)
    private func hexUnit(at start: Int) -> UInt16? {
        guard start + 4 <= count else { return nil }
        var unit: UInt16 = 0
        for index in start..<start + 4 {
            let byte = self[index]
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte &- 0x30
            case 0x41...0x46: digit = byte &- 0x37
            case 0x61...0x66: digit = byte &- 0x57
            default: return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }
}

extension FieldSlot {
    @inline(__always)
    fileprivate init(_ value: HotJSON.Text) {
        valueStart = Int32(truncatingIfNeeded: value.start)
        valueCount = Int32(truncatingIfNeeded: value.count)
        isEscaped = value.isEscaped
    }
}

/// Language names of JSON headers as the codes of binary ones.
enum LanguageName {
    @inline(__always)
    static func code(_ name: UnsafeRawBufferPointer) -> UInt8 {
        if name.equals("JAVA") { return LanguageCode.java.rawValue }
        if name.equals("CPP") { return LanguageCode.cpp.rawValue }
        if name.equals("OTHER") { return LanguageCode.other.rawValue }
        return LanguageCode(name: String(decoding: name, as: UTF8.self))?.rawValue ?? LanguageCode.unknown.rawValue
    }
}
