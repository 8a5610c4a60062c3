import RMQCommon

/// A tag subscription as a person writes it: `TagA || TagB`, or `*` for everything.
///
/// | text | meaning |
/// |---|---|
/// | nil, empty, `*` | every message |
/// | `A \|\| B` | messages whose tag is A or B; blanks around a tag and empty parts are dropped |
/// | `\|\|` (only separators) | an error |
public struct TagExpression: Sendable, CustomStringConvertible {
    /// What was subscribed to, `*` when everything is.
    public let text: String
    /// The tags in the order written, without repetition; empty when everything is subscribed to.
    public let tags: [String]

    /// Everything.
    public static let all = TagExpression(text: "*", tags: [])

    private init(text: String, tags: [String]) {
        self.text = text
        self.tags = tags
    }

    /// Longest text that is parsed: a pull carries one, and is handled where nothing may take long.
    public static let byteLimit = 65_536

    /// Parses `text`.
    /// - Throws: `.noTags` for a text that holds nothing but separators, `.tooLong` for one beyond ``byteLimit``.
    public init(_ text: String?) throws(TagExpressionError) {
        guard let text, !text.isEmpty, !text.isExactly("*") else {
            self = .all
            return
        }
        guard text.utf8.count <= Self.byteLimit else { throw .tooLong(bytes: text.utf8.count, limit: Self.byteLimit) }
        guard !Self.isOnlySeparators(text) else { throw .noTags(text: text) }
        var tags: [String] = []
        var seen: Set<ByteText> = []
        for part in Self.split(text) {
            let tag = Self.trimmed(part)
            if !tag.isEmpty, seen.insert(ByteText(tag)).inserted { tags.append(tag) }
        }
        self.init(text: text, tags: tags)
    }

    /// Whether it is `*`, which also stands for an empty expression.
    public var matchesEverything: Bool { text.isExactly("*") }
    /// The 32-bit hash of each tag, in the order of ``tags``.
    public var codes: [Int32] { tags.map { JavaString.hash($0) } }
    public var description: String { text }

    /// `|||` is one separator and a bar that belongs to the next tag, as in Java's `split`.
    private static func split(_ text: String) -> [Substring.UTF8View] {
        let bytes = text.utf8
        var parts: [Substring.UTF8View] = []
        var start = bytes.startIndex
        var index = start
        while index != bytes.endIndex {
            let next = bytes.index(after: index)
            if next != bytes.endIndex, bytes[index] == Self.bar, bytes[next] == Self.bar {
                parts.append(bytes[start..<index])
                index = bytes.index(after: next)
                start = index
            } else {
                index = next
            }
        }
        parts.append(bytes[start...])
        return parts
    }

    private static func isOnlySeparators(_ text: String) -> Bool {
        text.utf8.count.isMultiple(of: 2) && text.utf8.allSatisfy { $0 == Self.bar }
    }

    /// Drops control characters and blanks at both ends, which is what Java's `trim` does.
    private static func trimmed(_ part: Substring.UTF8View) -> String {
        var part = part
        while let first = part.first, first <= 0x20 { part.removeFirst() }
        while let last = part.last, last <= 0x20 { part.removeLast() }
        return String(Substring(part))
    }

    private static let bar = UInt8(ascii: "|")
}

extension TagExpression: Equatable {
    public static func == (left: TagExpression, right: TagExpression) -> Bool {
        left.text.isExactly(right.text) && left.tags.isExactly(right.tags)
    }
}

/// Why a text is no tag expression.
public enum TagExpressionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nothing but `||`: there is no tag to subscribe to.
    case noTags(text: String)
    /// The text is longer than is parsed.
    case tooLong(bytes: Int, limit: Int)

    public var description: String {
        switch self {
        case .noTags(let text):
            "the tag expression '\(text.prefix(bytes: 64))' names no tag; write * for all messages, or tags separated by ||"
        case .tooLong(let bytes, let limit): "a tag expression of \(bytes) bytes; it may have \(limit)"
        }
    }
}
