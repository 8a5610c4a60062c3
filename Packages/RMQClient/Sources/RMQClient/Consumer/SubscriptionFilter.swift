public import RMQCommon
import RMQRemoting

/// Which messages of a topic a consumer wants.
public enum SubscriptionFilter: Sendable, Hashable {
    case all
    /// Messages whose tag is one of these, by its bytes.
    case tags(Set<ByteText>)
    /// Messages whose properties meet an SQL92 condition, such as `price > 20 AND colour = 'red'`.
    ///
    /// Brokers evaluate it, and have to allow it (`enablePropertyFilter=true`).
    case sql(String)

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
        case .sql(let condition): condition
        }
    }

    /// How brokers read the text.
    var expressionType: String { isByTag ? "TAG" : "SQL92" }

    /// Whether tags alone decide.
    var isByTag: Bool {
        if case .sql = self { false } else { true }
    }

    /// The tags that are wanted; none where tags do not decide.
    var tags: Set<ByteText> {
        if case .tags(let tags) = self { tags } else { [] }
    }

    /// A condition has to say something, and a list of tags to have one: without any nothing would ever come.
    func check() throws(ClientError) {
        if case .tags(let tags) = self, tags.isEmpty {
            throw ClientError(.invalidConfiguration, "the subscription names no tag; take .all for all messages")
        }
        if case .sql(let condition) = self, condition.isBlank {
            throw ClientError(.invalidConfiguration, "the SQL92 condition is empty; take .all for all messages")
        }
    }

    /// Hashes of the tags, by which a broker preselects.
    var tagHashes: Set<Int32> {
        Set(tags.map { JavaString.hash($0.text) })
    }

    /// Whether a message with this tag was asked for. Brokers compare hashes only, so this check is the exact one; a condition has been
    /// evaluated by them.
    public func accepts(tag: String?) -> Bool {
        switch self {
        case .all, .sql: true
        case .tags(let tags): tag.map { tags.contains($0) } ?? false
        }
    }
}

extension SubscriptionData {
    /// What heartbeats say of one topic that is subscribed to.
    init(topic: String, filter: SubscriptionFilter, version: Int64) {
        self.init {
            $0.topic = topic
            $0.expression = filter.expression
            $0.tags = filter.tags.sortedTexts
            $0.tagCodes = filter.tagHashes.sorted()
            $0.version = version
            $0.expressionType = filter.expressionType
        }
    }
}
