import RMQCommon

/// One pass over the usual form of a JSON header: the known members, integers, double-quoted texts.
///
/// Every method gives nil (or false) on anything else, and the whole header is then read by the tolerant reader:
/// nothing is decided to be wrong here.
struct JSONHeaderScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func command() -> RemotingCommand? {
        var command = RemotingCommand(code: 0, language: .java, version: 0)
        guard take("{") else { return nil }
        if !take("}") {
            repeat {
                guard let name = plainText(), take(":"), member(name, of: &command) else { return nil }
            } while take(",")
            guard take("}") else { return nil }
        }
        while position < bytes.count, bytes[position] <= 0x20 { position += 1 }
        return position == bytes.count ? command : nil
    }

    private mutating func member(_ name: UnsafeRawBufferPointer, of command: inout RemotingCommand) -> Bool {
        if name.isText("extFields") { return fields(of: &command) }
        if name.isText("code") { return number(into: &command.code) }
        if name.isText("opaque") { return number(into: &command.opaque) }
        if name.isText("flag") { return number(into: &command.flag) }
        if name.isText("version") { return number(into: &command.version) }
        if name.isText("serializeTypeCurrentRPC") { return plainText() != nil }   // the header word decides
        if name.isText("language") {
            guard let name = plainText() else { return false }
            command.language = LanguageCode(name: String(decoding: name, as: UTF8.self)) ?? .unknown
            return true
        }
        if name.isText("remark") {
            command.remark = text()
            return command.remark != nil
        }
        return false
    }

    private mutating func fields(of command: inout RemotingCommand) -> Bool {
        guard take("{") else { return false }
        var fields = HeaderFields(minimumCapacity: 16)
        if !take("}") {
            repeat {
                // One past the limit is kept, so that the reader can tell.
                guard fields.count <= HeaderFields.limit, let name = text(), take(":"), let value = text() else {
                    return false
                }
                fields.append(name, value)
            } while take(",")
            guard take("}") else { return false }
        }
        command.fields = fields
        return true
    }
}

// MARK: - Tokens

extension JSONHeaderScanner {
    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    /// Steps over a character, after any white space; false when something else is there.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(truncatingIfNeeded: character.value) else { return false }
        position += 1
        return true
    }

    private mutating func number(into target: inout Int32) -> Bool {
        let isNegative = take("-")
        var magnitude: Int64 = 0
        let start = position
        while position < bytes.count, position - start < 10, case 0x30 ... 0x39 = bytes[position] {
            magnitude = magnitude * 10 + Int64(bytes[position] - 0x30)   // ten digits at most
            position += 1
        }
        guard position > start, let number = Int32(exactly: isNegative ? -magnitude : magnitude) else { return false }
        target = number
        return true   // a fraction, an exponent or more digits are not a comma: the caller then gives up
    }

    /// The bytes between two quotes with no escape between them.
    private mutating func plainText() -> UnsafeRawBufferPointer? {
        guard take("\"") else { return nil }
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return UnsafeRawBufferPointer(rebasing: bytes[start ..< position - 1])
            case UInt8(ascii: "\\"):
                return nil
            default:
                position += 1
            }
        }
        return nil
    }

    private mutating func text() -> String? {
        let start = position
        if let plain = plainText() {
            return String(decoding: plain, as: UTF8.self)
        }
        position = start
        return textWithEscapes()
    }

    private mutating func textWithEscapes() -> String? {
        guard take("\"") else { return nil }
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): guard escape(into: &text) else { return nil }
            default: text.append(byte)
            }
        }
        return nil
    }

    /// What follows a backslash. Half a surrogate pair is left to the tolerant reader.
    private mutating func escape(into text: inout [UInt8]) -> Bool {
        guard position < bytes.count else { return false }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            guard let scalar = scalar(), let utf8 = UTF8.encode(scalar) else { return false }
            text.append(contentsOf: utf8)
        default: return false
        }
        return true
    }

    private mutating func scalar() -> Unicode.Scalar? {
        guard let unit = hexUnit() else { return nil }
        guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
        guard
            position + 2 <= bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
        else { return nil }
        position += 2
        guard let low = hexUnit(), UTF16.isTrailSurrogate(low) else { return nil }
        return Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
    }

    private mutating func hexUnit() -> UInt16? {
        guard position + 4 <= bytes.count else { return nil }
        var unit: UInt16 = 0
        for byte in bytes[position ..< position + 4] {
            guard let digit = Hex.value(of: byte) else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        position += 4
        return unit
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func isText(_ text: StaticString) -> Bool {
        elementsEqual(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}
