import RMQCommon

/// Text in columns: the parts of C's `printf` that the tables need.
enum Columns {
    /// `%-<width>s`: a longer text keeps its length.
    static func left(_ text: some CustomStringConvertible, _ width: Int) -> String {
        let text = text.description
        return text + String(repeating: " ", count: max(0, width - text.utf16.count))
    }

    /// `%<width>s`.
    static func right(_ text: some CustomStringConvertible, _ width: Int) -> String {
        let text = text.description
        return String(repeating: " ", count: max(0, width - text.utf16.count)) + text
    }

    /// The first `count` UTF-16 units, which is what Java counts.
    static func cut(_ text: String, _ count: Int) -> String { String(decoding: text.utf16.prefix(count), as: UTF16.self) }

    static func trimmedEnd(_ text: String) -> String {
        text.unicodeScalars.lastIndex { !$0.properties.isWhitespace }.map { String(text.unicodeScalars[...$0]) } ?? ""
    }

    /// `1,234,567`.
    static func grouped(_ number: some BinaryInteger) -> String {
        let digits = Array(String(number.magnitude).utf8)
        var text: [UInt8] = number < 0 ? [UInt8(ascii: "-")] : []
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(UInt8(ascii: ",")) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Breaks a line at blanks so that each part fits into `width`; all but the first are indented. Ends with a line feed.
    static func wrapped(_ text: String, width: Int, indent: Int) -> String {
        var lines: [String] = []
        var line = ""
        for (index, word) in text.split(ascii: " ", keepingEmpty: true).enumerated() {
            if index > 0, line.utf16.count + 1 + word.utf16.count > width, line.utf16.count > indent {
                lines.append(line)
                line = String(repeating: " ", count: indent) + word
            } else {
                line += (index > 0 ? " " : "") + word
            }
        }
        lines.append(line)
        return lines.map { $0 + "\n" }.joined()
    }
}
