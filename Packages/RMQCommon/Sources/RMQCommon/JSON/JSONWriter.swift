/// How a document is written.
public enum JSONStyle: Sendable {
    /// The bodies of the protocol: no white space, integer and object keys as they are.
    case fastjson
    /// JSON that any parser reads: every key is a string.
    case standard
    /// As `standard`, keys sorted, `/` and everything beyond ASCII escaped, integers that a browser cannot hold as strings.
    case browserCompatible
    /// The configuration files: as `fastjson`, one member with a text key a line, indented by tabs.
    case pretty
}

extension JSONValue {
    /// The text form in UTF-8.
    public func bytes(_ style: JSONStyle = .fastjson) -> [UInt8] {
        var writer = JSONWriter(style: style)
        writer.write(self)
        return writer.output
    }

    /// The text form.
    public func text(_ style: JSONStyle = .fastjson) -> String { String(decoding: bytes(style), as: UTF8.self) }
}

struct JSONWriter {
    let style: JSONStyle
    var output: [UInt8] = []
    private var indent = 0

    init(style: JSONStyle) { self.style = style }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: append("null")
        case .bool(let flag): append(flag ? "true" : "false")
        case .integer(let number): write(number)
        case .double(let number): append(JSONNumber.text(number))
        case .string(let text): write(text)
        case .array(let elements): write(elements)
        case .object(let object): write(object)
        }
    }

    private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }
    private mutating func append(_ character: Unicode.Scalar) { output.append(UInt8(ascii: character)) }

    private mutating func newLine() {
        append("\n" as Unicode.Scalar)
        output.append(contentsOf: repeatElement(0x09, count: indent))
    }

    private mutating func write(_ number: Int64) {
        if style == .browserCompatible, number.magnitude > 9_007_199_254_740_991 { write(String(number)) } else { append(String(number)) }
    }

    /// Lists of plain values stay on one line, as the reference's number arrays and sets do.
    private mutating func write(_ elements: [JSONValue]) {
        let onLines = style == .pretty && elements.contains { $0.asObject != nil || $0.asArray != nil }
        append("[" as Unicode.Scalar)
        indent += 1
        for (index, element) in elements.enumerated() {
            if index > 0 { append("," as Unicode.Scalar) }
            if onLines { newLine() }
            write(element)
        }
        indent -= 1
        if onLines { newLine() }
        append("]" as Unicode.Scalar)
    }

    private mutating func write(_ object: JSONObject) {
        let members = style == .browserCompatible ? object.members.sorted { Self.precedes($0.key, $1.key) } : object.members
        append("{" as Unicode.Scalar)
        indent += 1
        for (index, member) in members.enumerated() {
            if index > 0 { append("," as Unicode.Scalar) }
            write(key: member.key)
            append(":" as Unicode.Scalar)
            write(member.value)
        }
        indent -= 1
        if style == .pretty, !members.isEmpty { newLine() }
        append("}" as Unicode.Scalar)
    }

    private mutating func write(key: JSONValue) {
        if case .string(let text) = key {
            if style == .pretty { newLine() }
            write(text)
        } else if style == .fastjson || style == .pretty {
            write(key)
        } else {
            write(key.text(style))
        }
    }

    private static func precedes(_ left: JSONValue, _ right: JSONValue) -> Bool {
        if case .integer(let first) = left, case .integer(let second) = right { return first < second }
        return (left.asString ?? left.text()).utf8.lexicographicallyPrecedes((right.asString ?? right.text()).utf8)
    }

    private mutating func write(_ text: String) {
        output.append(UInt8(ascii: "\""))
        if style != .browserCompatible, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
            output.append(contentsOf: text.utf8)
        } else {
            for scalar in text.unicodeScalars { write(scalar) }
        }
        output.append(UInt8(ascii: "\""))
    }

    private mutating func write(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": append("\\\"")
        case "\\": append("\\\\")
        case "\u{08}": append("\\b")
        case "\u{0C}": append("\\f")
        case "\n": append("\\n")
        case "\r": append("\\r")
        case "\t": append("\\t")
        case "/" where style == .browserCompatible: append("\\/")
        case "\u{00}" ... "\u{1F}", "\u{7F}" ... "\u{9F}", "\u{2028}", "\u{2029}": escape(scalar)
        case "\u{80}"... where style == .browserCompatible: escape(scalar)
        default: output.append(contentsOf: String(scalar).utf8)
        }
    }

    private mutating func escape(_ scalar: Unicode.Scalar) {
        for unit in scalar.utf16 {
            append("\\u")
            for shift in [12, 8, 4, 0] as [UInt16] { output.append(Hex.digit(UInt8(unit >> shift & 15))) }
        }
    }
}
