import RMQCommon

/// Writes a document as the reference does: in block style, lists as far in as their key, `null` for nothing, quotes where a text could be
/// read as something else.
struct YAMLWriter {
    private var output = ""

    static func text(_ root: YAMLNode) -> String {
        var writer = YAMLWriter()
        switch root.content {
        case .mapping(let entries) where !entries.isEmpty: writer.write(entries, indent: 0)
        case .sequence(let items) where !items.isEmpty: writer.write(items, indent: 0)
        case .mapping, .sequence, .scalar: writer.output = inline(root) + "\n"
        }
        return writer.output
    }

    /// - Parameter follows: the first key stands behind a dash already.
    private mutating func write(_ entries: [YAMLNode.Entry], indent: Int, follows: Bool = false) {
        for (index, entry) in entries.enumerated() {
            if index > 0 || !follows { pad(indent) }
            output += Self.quoted(entry.key) + ":"
            switch entry.value.content {
            case .mapping(let entries) where !entries.isEmpty:
                output += "\n"
                write(entries, indent: indent + 2)
            case .sequence(let items) where !items.isEmpty:
                output += "\n"
                write(items, indent: indent)
            case .mapping, .sequence, .scalar: output += " " + Self.inline(entry.value) + "\n"
            }
        }
    }

    private mutating func write(_ items: [YAMLNode], indent: Int, follows: Bool = false) {
        for (index, item) in items.enumerated() {
            if index > 0 || !follows { pad(indent) }
            output += "- "
            switch item.content {
            case .mapping(let entries) where !entries.isEmpty: write(entries, indent: indent + 2, follows: true)
            case .sequence(let items) where !items.isEmpty: write(items, indent: indent + 2, follows: true)
            case .mapping, .sequence, .scalar: output += Self.inline(item) + "\n"
            }
        }
    }

    private mutating func pad(_ count: Int) { output += String(repeating: " ", count: count) }

    /// A scalar, or an empty list or mapping.
    private static func inline(_ node: YAMLNode) -> String {
        switch node.content {
        case .mapping: return "{}"
        case .sequence: return "[]"
        case .scalar(let text, isPlain: true):
            if node.isNull { return "null" }
            if let flag = node.flag { return flag ? "true" : "false" }
            return text.contains(ascii: "\n") ? quoted(text) : text
        case .scalar(let text, isPlain: false): return quoted(text)
        }
    }
}

extension YAMLWriter {
    /// A text as YAML reads it back: plain where that may be, else in single quotes, and in double ones when it has characters that need
    /// an escape.
    static func quoted(_ text: String) -> String {
        if !text.unicodeScalars.allSatisfy(isPrintable) { return escaped(text) }
        if isPlain(text) { return text }
        return "'" + text.split(ascii: "'", keepingEmpty: true).joined(separator: "''") + "'"
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD, 0x10000...: scalar.value != 0x2028 && scalar.value != 0x2029
        default: false
        }
    }

    private static func escaped(_ text: String) -> String {
        var output = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case _ where isPrintable(scalar): output.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                output += "\\U" + String(repeating: "0", count: 8 - digits.utf8.count) + digits
            }
        }
        return output + "\""
    }

    /// Whether YAML reads the bare text as a text.
    private static func isPlain(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, first != UInt8(ascii: " "), bytes.last != UInt8(ascii: " "), bytes.last != UInt8(ascii: ":") else { return false }
        if ",[]{}#&*!|>'\"%@`".utf8.contains(first) { return false }
        if "-?:".utf8.contains(first), bytes.count == 1 || bytes[1] == UInt8(ascii: " ") { return false }
        if text.hasBytePrefix("---") || text.hasBytePrefix("...") || text.containsBytes(of: ": ") || text.containsBytes(of: " #") { return false }
        return !isWord(text) && !looksLikeNumber(bytes)
    }

    private static func isWord(_ text: String) -> Bool {
        ["null", "~", "true", "false", "yes", "no", "on", "off", "=", "<<"].contains(where: text.isExactlyIgnoringCase)
    }

    /// A number, a time or a date to some reader; an address with three dots is none.
    private static func looksLikeNumber(_ bytes: [UInt8]) -> Bool {
        guard bytes.count(where: { $0 == UInt8(ascii: ".") }) < 2 else { return false }
        let digits = bytes.drop { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
        guard let first = digits.first, first == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
        return digits.allSatisfy { "0123456789abcdefABCDEFxXoinINTZtz_:.+- ".utf8.contains($0) }
    }
}
