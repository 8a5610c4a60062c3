public import RMQCommon

/// Which messages of a topic a consumer wants.
public enum SubscriptionFilter: Sendable, Hashable {
    case all
    /// Messages whose tag is one of these, by its bytes.
    case tags(Set<ByteText>)

    /// Reads `*`, an empty text, or tags joined by `||`.
    public init(_ expression: String) throws(ClientError) {
        let text = expression.trimmedOfSpace
        if text.isEmpty || text.isExactly("*") { self = .all; return }
        let tags = Set<ByteText>(texts: text.split(atBytesOf: "||").map(\.trimmedOfSpace).filter { !$0.isEmpty })
        guard !tags.isEmpty else {
            throw ClientError(.invalidConfiguration, "the subscription \"\(expression)\" names no tag")
        }
        self = .tags(tags)
    }

    /// Messages whose tag is one of these: ``tags(_:)`` for texts that are known at run time only.
    public static func tags(anyOf tags: some Sequence<String>) -> SubscriptionFilter { .tags(Set(texts: tags)) }

    /// The text that travels in heartbeats; all members of a group must agree on it.
    public var expression: String {
        switch self {
        case .all: "*"
        case .tags(let tags): tags.sortedTexts.joined(separator: " || ")
        }
    }

    /// Hashes of the tags, by which a broker preselects.
    var tagHashes: Set<Int32> {
        guard case .tags(let tags) = self else { return [] }
        return Set(tags.map { JavaString.hash($0.text) })
    }

    /// Whether a message with this tag was asked for. Brokers compare hashes only, so this check is the exact one.
    public func accepts(tag: String?) -> Bool {
        switch self {
        case .all: true
        case .tags(let tags): tag.map { tags.contains($0) } ?? false
        }
    }
}
