import RMQCommon

/// Text of strangers, such as the body of a message, on one line of a terminal.
enum TerminalText {
    /// Without what would end the line, move the cursor or turn the direction of writing: `\n`, `\t`, `\u{1B}`; a backslash is `\\`.
    static func escaped(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else { return text }
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped.append(contentsOf: "\\\\".unicodeScalars)
            case "\n": escaped.append(contentsOf: "\\n".unicodeScalars)
            case "\r": escaped.append(contentsOf: "\\r".unicodeScalars)
            case "\t": escaped.append(contentsOf: "\\t".unicodeScalars)
            case _ where isHarmful(scalar): escaped.append(contentsOf: code(of: scalar).unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    /// The same for text of several lines: line feeds and tabs stay.
    static func escapedLines(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ (0x20...0x7E).contains($0) || isLineFeedOrTab($0) }) else { return text }
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isHarmful = isHarmful(scalar) && !(scalar.isASCII && isLineFeedOrTab(UInt8(scalar.value)))
            escaped.append(contentsOf: isHarmful ? code(of: scalar).unicodeScalars : String(scalar).unicodeScalars)
        }
        return String(escaped)
    }

    private static func isLineFeedOrTab(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t") }

    /// `\u{1B}`.
    private static func code(of scalar: Unicode.Scalar) -> String { "\\u{\(String(scalar.value, radix: 16, uppercase: true))}" }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: true
        default: scalar.properties.generalCategory == .control
        }
    }

    /// What fits into so many columns; a text that does not fit ends with `…`.
    static func cut(_ text: String, columns: Int) -> String {
        let scalars = text.unicodeScalars
        var used = 0
        var fitting = scalars.startIndex   // what stands before it leaves room for the `…`
        for index in scalars.indices {
            used += Self.columns(of: scalars[index])
            guard used <= columns else { return columns > 0 ? String(scalars[..<fitting]) + "…" : "" }
            if used < columns { fitting = scalars.index(after: index) }
        }
        return text
    }

    /// Cut or filled with blanks to exactly so many columns.
    static func fitted(_ text: String, columns count: Int) -> String {
        let text = cut(text, columns: count)
        return text + String(repeating: " ", count: max(0, count - text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }))
    }

    /// How many columns a terminal gives a character: two for those of East Asia and pictures, none for marks on the one before.
    private static func columns(of scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case ..<0x300: return 1
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
            0x1F300...0x1FAFF, 0x20000...0x3FFFD: return 2
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .enclosingMark, .format: return 0
            default: return 1
            }
        }
    }
}
