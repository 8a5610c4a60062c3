/// The header of a command in JSON serialization, as the reference writes it: no white space, keys in alphabetical
/// order, what is absent left out.
enum JSONHeaderWriter {
    static func write(_ command: RemotingCommand, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: #"{"code":"#.utf8)
        append(command.code, to: &bytes)
        if let fields = command.fields {
            bytes.append(contentsOf: #","extFields":{"#.utf8)
            var isFirst = true
            for field in fields {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                append(quoting: field.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                append(quoting: field.value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(contentsOf: #","flag":"#.utf8)
        append(command.flag, to: &bytes)
        bytes.append(contentsOf: #","language":""#.utf8)
        bytes.append(contentsOf: command.language.description.utf8)
        bytes.append(contentsOf: #"","opaque":"#.utf8)
        append(command.opaque, to: &bytes)
        if let remark = command.remark {
            bytes.append(contentsOf: #","remark":"#.utf8)
            append(quoting: remark, to: &bytes)
        }
        bytes.append(contentsOf: #","serializeTypeCurrentRPC":"JSON","version":"#.utf8)
        append(command.version, to: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    private static func append(_ number: Int32, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: String(number).utf8)   // at most 11 bytes: an inline string
    }

    /// Appends a JSON string with the escapes of the reference: short ones where JSON has them, `\u00XX` for the
    /// other control characters up to U+009F and the two line separators, all else as it is.
    private static func append(quoting text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
            bytes.append(contentsOf: text.utf8)
        } else {
            for scalar in text.unicodeScalars {
                appendEscaped(scalar, to: &bytes)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func appendEscaped(_ scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        switch scalar.value {
        case 0x22: bytes.append(contentsOf: #"\""#.utf8)
        case 0x5C: bytes.append(contentsOf: #"\\"#.utf8)
        case 0x08: bytes.append(contentsOf: #"\b"#.utf8)
        case 0x0C: bytes.append(contentsOf: #"\f"#.utf8)
        case 0x0A: bytes.append(contentsOf: #"\n"#.utf8)
        case 0x0D: bytes.append(contentsOf: #"\r"#.utf8)
        case 0x09: bytes.append(contentsOf: #"\t"#.utf8)
        case 0 ... 0x1F, 0x7F ... 0x9F, 0x2028, 0x2029:
            let digits = String(scalar.value, radix: 16, uppercase: true)
            bytes.append(contentsOf: #"\u"#.utf8)
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
            bytes.append(contentsOf: digits.utf8)
        default:
            bytes.append(contentsOf: UTF8.encode(scalar)!)   // every scalar has a UTF-8 form
        }
    }
}
