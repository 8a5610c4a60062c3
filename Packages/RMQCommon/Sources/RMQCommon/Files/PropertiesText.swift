/// The properties format of Java: `key=value` lines, `#` and `!` comments, escapes, a backslash at the end that joins lines.
public enum PropertiesText {
    /// The pairs in the order of the text; of equal keys the last is the valid one.
    ///
    /// Bytes that are not UTF-8 are read as ISO 8859-1, which is what Java takes every such file for. A byte order mark, which
    /// some editors put before UTF-8, belongs to no key.
    public static func parse(_ bytes: [UInt8]) -> [(key: String, value: String)] {
        let bytes = bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(byteOrderMark.count)) : bytes
        return parse(String(validating: bytes, as: UTF8.self) ?? String(String.UnicodeScalarView(bytes.lazy.map { Unicode.Scalar($0) })))
    }

    /// U+FEFF in UTF-8.
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// The pairs of a text, in its order; of a name that stands twice both.
    public static func parse(_ text: String) -> [(key: String, value: String)] {
        logicalLines(text).map { pair($0) }
    }

    /// One `key=value` line a pair, unescaped, as the reference writes and sends them.
    public static func format(_ pairs: some Sequence<(key: String, value: String)>) -> String {
        pairs.map { "\($0.key)=\($0.value)\n" }.joined()
    }

    private static func logicalLines(_ text: String) -> [[Unicode.Scalar]] {
        var lines: [[Unicode.Scalar]] = []
        var current: [Unicode.Scalar]?
        for raw in naturalLines(text) {
            let line = Array(raw.drop(while: isBlank))
            guard current != nil || !(line.isEmpty || line[0] == "#" || line[0] == "!") else { continue }
            let joins = !line.reversed().prefix { $0 == "\\" }.count.isMultiple(of: 2)
            let whole = (current ?? []) + (joins ? line.dropLast() : line[...])
            current = joins ? whole : nil
            if !joins { lines.append(whole) }
        }
        if let current { lines.append(current) }
        return lines
    }

    /// The text between line feeds, carriage returns, or both together.
    private static func naturalLines(_ text: String) -> [Substring.UnicodeScalarView] {
        var lines: [Substring.UnicodeScalarView] = []
        var rest = text.unicodeScalars[...]
        while let end = rest.firstIndex(where: { $0 == "\n" || $0 == "\r" }) {
            lines.append(rest[..<end])
            let isPair = rest[end] == "\r" && rest[end...].dropFirst().first == "\n"
            rest = rest[end...].dropFirst(isPair ? 2 : 1)
        }
        lines.append(rest)
        return lines
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" || scalar == "\u{0C}" }

    private static func pair(_ line: [Unicode.Scalar]) -> (key: String, value: String) {
        var index = 0
        while index < line.count, !isBlank(line[index]), line[index] != "=", line[index] != ":" {
            index += line[index] == "\\" ? 2 : 1
        }
        let key = line[..<min(index, line.count)]
        while index < line.count, isBlank(line[index]) { index += 1 }
        if index < line.count, line[index] == "=" || line[index] == ":" { index += 1 }
        while index < line.count, isBlank(line[index]) { index += 1 }
        return (unescape(key), unescape(line[min(index, line.count)...]))
    }

    private static func unescape(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        guard scalars.contains("\\") else { return String(String.UnicodeScalarView(scalars)) }
        var units: [UInt16] = []
        var rest = scalars
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let kind = rest.popFirst() else {
                if scalar != "\\" { units.append(contentsOf: scalar.utf16) }
                continue
            }
            switch kind {
            case "t": units.append(0x09)
            case "n": units.append(0x0A)
            case "r": units.append(0x0D)
            case "f": units.append(0x0C)
            case "u":
                let digits = rest.prefix(4)
                if digits.count == 4, let unit = UInt16(String(String.UnicodeScalarView(digits)), radix: 16) {
                    units.append(unit)
                    rest = rest.dropFirst(4)
                } else {
                    units.append(UInt16(UInt8(ascii: "u")))
                }
            default: units.append(contentsOf: kind.utf16)
            }
        }
        return String(decoding: units, as: UTF16.self)
    }
}
