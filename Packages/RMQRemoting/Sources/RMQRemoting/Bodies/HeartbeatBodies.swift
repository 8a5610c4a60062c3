public import RMQCommon

// What a client tells every broker about itself (34).

public struct HeartbeatData: JSONBody {
    @ByteText public var clientId: String
    public var producers: [ProducerData]
    public var consumers: [ConsumerData]

    public init(clientId: String, producers: [ProducerData] = [], consumers: [ConsumerData] = []) {
        self.clientId = clientId
        self.producers = producers
        self.consumers = consumers
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("heartbeatData")
        clientId = try object.string("clientID")
        producers = try object.list("producerDataSet")
        consumers = try object.list("consumerDataSet")
    }

    public var json: JSONValue {
        [
            "clientID": JSONValue(clientId), "consumerDataSet": .list(consumers),
            "producerDataSet": .list(producers),
        ]
    }
}

public struct ProducerData: JSONBody, Hashable {
    @ByteText public var group: String

    public init(group: String) {
        self.group = group
    }

    public init(json: JSONValue) throws(JSONError) {
        group = try json.requireObject("producerData").string("groupName")
    }

    public var json: JSONValue { ["groupName": JSONValue(group)] }
}

public struct ConsumerData: JSONBody {
    @ByteText public var group: String
    public var consumeType: ConsumeType
    public var messageModel: MessageModel
    public var consumeFromWhere: ConsumeFromWhere
    public var subscriptions: [SubscriptionData]
    public var unitMode: Bool

    public init(
        group: String, consumeType: ConsumeType = .passively, messageModel: MessageModel = .clustering,
        consumeFromWhere: ConsumeFromWhere = .lastOffset, subscriptions: [SubscriptionData] = [], unitMode: Bool = false
    ) {
        self.group = group
        self.consumeType = consumeType
        self.messageModel = messageModel
        self.consumeFromWhere = consumeFromWhere
        self.subscriptions = subscriptions
        self.unitMode = unitMode
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("consumerData")
        group = try object.string("groupName")
        consumeType = try object.choice("consumeType", default: .passively)
        messageModel = try object.choice("messageModel", default: .clustering)
        consumeFromWhere = try object.choice("consumeFromWhere", default: .lastOffset)
        subscriptions = try object.list("subscriptionDataSet")
        unitMode = try object.bool("unitMode", default: false)
    }

    public var json: JSONValue {
        [
            "consumeFromWhere": JSONValue(consumeFromWhere.rawValue), "consumeType": JSONValue(consumeType.rawValue),
            "groupName": JSONValue(group), "messageModel": JSONValue(messageModel.rawValue),
            "subscriptionDataSet": .list(subscriptions), "unitMode": JSONValue(unitMode),
        ]
    }
}

/// Whether an application asks for messages or is handed them. Cases in the order of the wire's index numbers.
public enum ConsumeType: String, Sendable, CaseIterable {
    case actively = "CONSUME_ACTIVELY"
    case passively = "CONSUME_PASSIVELY"
}

/// Whether every member of a group gets every message. Cases in the order of the wire's index numbers.
public enum MessageModel: String, Sendable, CaseIterable {
    case broadcasting = "BROADCASTING"
    case clustering = "CLUSTERING"
}

/// Where a group without offsets starts. Cases in the order of the wire's index numbers.
public enum ConsumeFromWhere: String, Sendable, CaseIterable {
    case lastOffset = "CONSUME_FROM_LAST_OFFSET"
    case lastOffsetAndMinimumAtFirstBoot = "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST"
    case minimumOffset = "CONSUME_FROM_MIN_OFFSET"
    case maximumOffset = "CONSUME_FROM_MAX_OFFSET"
    case firstOffset = "CONSUME_FROM_FIRST_OFFSET"
    case timestamp = "CONSUME_FROM_TIMESTAMP"
}

/// One topic that a consumer group subscribes to, and which of its messages.
public struct SubscriptionData: JSONBody {
    @ByteText public var topic: String
    /// The filter: `*`, tags between `||`, or an SQL92 condition.
    @ByteText public var expression: String
    /// The tags of a tag filter; none for `*` and SQL92.
    public var tags: [String]
    /// The string hash of each tag.
    public var tagCodes: [Int32]
    /// When the subscription was made, in milliseconds since 1970; the larger one is newer.
    public var version: Int64
    /// `TAG` or `SQL92`.
    @ByteText public var expressionType: String
    public var isClassFilter: Bool

    /// A subscription as it stands, with tags that the caller has taken apart.
    public init(
        topic: String, expression: String, tags: [String], tagCodes: [Int32], version: Int64,
        expressionType: String = "TAG", isClassFilter: Bool = false
    ) {
        self.topic = topic
        self.expression = expression
        self.tags = tags
        self.tagCodes = tagCodes
        self.version = version
        self.expressionType = expressionType
        self.isClassFilter = isClassFilter
    }

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
        self.init(
            topic: topic, expression: expression, tags: tags,
            tagCodes: tags.map { JavaString.hash($0) }, version: version)
    }

    /// Whether messages with every tag, and with none, match.
    public var takesAll: Bool { expression.isExactly("*") }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("subscriptionData")
        topic = try object.string("topic")
        expression = try object.string("subString", default: "*")
        tags = try object.strings("tagsSet")
        tagCodes = []
        for code in try object["codeSet"]?.requireArray("codeSet") ?? [] where !code.isBlank {
            guard let code = code.asInt32 else { throw .wrongType(property: "codeSet", expected: "32-bit integers") }
            tagCodes.append(code)
        }
        version = try object.int64("subVersion", default: WallClock.nowMilliseconds())
        expressionType = try object.string("expressionType", default: "TAG")
        isClassFilter = try object.bool("classFilterMode", default: false)
    }

    public var json: JSONValue {
        [
            "classFilterMode": JSONValue(isClassFilter), "codeSet": .array(tagCodes.map { JSONValue($0) }),
            "expressionType": JSONValue(expressionType), "subString": JSONValue(expression),
            "subVersion": JSONValue(version), "tagsSet": .strings(tags), "topic": JSONValue(topic),
        ]
    }
}
