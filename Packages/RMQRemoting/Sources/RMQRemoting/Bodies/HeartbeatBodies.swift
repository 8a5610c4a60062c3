public import RMQCommon

// What a client tells every broker about itself (34).

/// What a client tells brokers again and again: who it is, and what its groups want.
public struct HeartbeatData: JSONBody {
    @ByteText public var clientId = ""
    public var producers: [ProducerData] = []
    public var consumers: [ConsumerData] = []

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.required("clientID", &clientId)
        try members.optional("consumerDataSet", &consumers)
        try members.optional("producerDataSet", &producers)
    }
}

/// A group that a client sends in.
public struct ProducerData: JSONBody, Hashable {
    @ByteText public var group = ""

    public init() {}
    public init(group: String) { self.group = group }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.required("groupName", &group)
    }
}

/// A group that a client consumes in, and what it wants.
public struct ConsumerData: JSONBody {
    @ByteText public var group = ""
    public var consumeType = ConsumeType.passively
    public var messageModel = MessageModel.clustering
    public var consumeFromWhere = ConsumeFromWhere.lastOffset
    public var subscriptions: [SubscriptionData] = []
    public var unitMode = false

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("consumeFromWhere", &consumeFromWhere)
        try members.optional("consumeType", &consumeType)
        try members.required("groupName", &group)
        try members.optional("messageModel", &messageModel)
        try members.optional("subscriptionDataSet", &subscriptions)
        try members.optional("unitMode", &unitMode)
    }
}

/// Whether an application asks for messages or is handed them. Cases in the order of the wire's index numbers.
public enum ConsumeType: String, JSONMember, CaseIterable {
    case actively = "CONSUME_ACTIVELY"
    case passively = "CONSUME_PASSIVELY"
}

/// Whether every member of a group gets every message. Cases in the order of the wire's index numbers.
public enum MessageModel: String, JSONMember, CaseIterable {
    case broadcasting = "BROADCASTING"
    case clustering = "CLUSTERING"
}

/// Where a group without offsets starts. Cases in the order of the wire's index numbers.
public enum ConsumeFromWhere: String, JSONMember, CaseIterable {
    case lastOffset = "CONSUME_FROM_LAST_OFFSET"
    case lastOffsetAndMinimumAtFirstBoot = "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST"
    case minimumOffset = "CONSUME_FROM_MIN_OFFSET"
    case maximumOffset = "CONSUME_FROM_MAX_OFFSET"
    case firstOffset = "CONSUME_FROM_FIRST_OFFSET"
    case timestamp = "CONSUME_FROM_TIMESTAMP"
}

/// One topic that a consumer group subscribes to, and which of its messages.
public struct SubscriptionData: JSONBody {
    @ByteText public var topic = ""
    /// The filter: `*`, tags between `||`, or an SQL92 condition.
    @ByteText public var expression = "*"
    /// The tags of a tag filter; none for `*` and SQL92.
    public var tags: [String] = []
    /// The string hash of each tag.
    public var tagCodes: [Int32] = []
    /// When the subscription was made, in milliseconds since 1970; the larger one is newer.
    public var version = WallClock.nowMilliseconds()
    /// `TAG` or `SQL92`.
    @ByteText public var expressionType = "TAG"
    public var isClassFilter = false

    public init() {}

    /// A subscription by tags: nil, an empty text and `*` stand for all messages, `||` separates tags.
    public init(topic: String, tagExpression: String?, version: Int64) {
        var tags: [String] = []
        let expression = tagExpression.map { $0.isEmpty ? "*" : $0 } ?? "*"
        if !expression.isExactly("*") {
            for part in expression.split(atBytesOf: "||") {
                let tag = part.trimmedLikeJava
                if !tag.isEmpty, !tags.containsExactly(tag) { tags.append(tag) }
            }
        }
        self.topic = topic
        self.expression = expression
        self.tags = tags
        tagCodes = tags.map { JavaString.hash($0) }
        self.version = version
    }

    /// Whether messages with every tag, and with none, match.
    public var takesAll: Bool { expression.isExactly("*") }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("classFilterMode", &isClassFilter)
        try members.optional("codeSet", &tagCodes)
        try members.optional("expressionType", &expressionType)
        try members.optional("subString", &expression)
        try members.optional("subVersion", &version)
        try members.optional("tagsSet", &tags)
        try members.required("topic", &topic)
    }
}
