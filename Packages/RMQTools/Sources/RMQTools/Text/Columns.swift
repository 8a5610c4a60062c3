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

    /// The first `count` characters.
    static func cut(_ text: String, _ count: Int) -> String { String(text.prefix(count)) }

    static func trimmed(_ text: String) -> String {
        trimmedEnd(String(text.drop { $0.isWhitespace }))
    }

    static func trimmedEnd(_ text: String) -> String {
        var text = text
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
