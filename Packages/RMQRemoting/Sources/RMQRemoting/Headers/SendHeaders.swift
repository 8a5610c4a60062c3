public import RMQCommon

// Sending messages, and giving them back: request codes 10, 310, 320, 36.

/// Header of a send (10), with the long field names. ``SendMessageHeaderV2`` is the same under short names.
public struct SendMessageHeader: CommandHeader, Equatable {
    /// No broker looks at it.
    public var producerGroup: String?
    public var topic = ""
    /// The topic whose settings an automatically made one takes over. Needed, like the number of queues, only to make one.
    public var defaultTopic: String? = "TBW102"
    public var defaultTopicQueueCount: Int32? = 4
    /// The target queue; a negative number leaves the choice to the broker.
    public var queueId: Int32 = 0
    public var systemFlag: Int32 = 0
    /// The client's clock in milliseconds since 1970.
    public var bornTimestamp: Int64 = 0
    public var flag: Int32 = 0
    /// The property string of the message.
    public var properties: String?
    /// How often the message was consumed in vain; nil means 0.
    public var reconsumeTimes: Int32? = 0
    public var unitMode = false
    public var maxReconsumeTimes: Int32?
    /// Whether the body is a batch. This alone decides, not the request code.
    public var isBatch = false
    public var brokerName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try visit(&fields, short: false)
    }

    /// Shows the fields under their long names or under the short ones, a letter each.
    fileprivate mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor, short: Bool) throws(Visitor.Failure) {
        @inline(__always) func name(_ name: String, _ letter: String) -> String { short ? letter : name }
        // The reference reads the long names by reflection and goes on without what it cannot read; not so the short ones.
        @inline(__always) func number(_ name: String, _ letter: String, _ value: inout Int32?) throws(Visitor.Failure) {
            if short { try fields.optional(letter, &value) } else { fields.readable(name, &value) }
        }
        try fields.optional(name("producerGroup", "a"), &producerGroup)
        try fields.required(name("topic", "b"), &topic)
        try fields.optional(name("defaultTopic", "c"), &defaultTopic)
        try number("defaultTopicQueueNums", "d", &defaultTopicQueueCount)
        try fields.required(name("queueId", "e"), &queueId)
        try fields.required(name("sysFlag", "f"), &systemFlag)
        try fields.required(name("bornTimestamp", "g"), &bornTimestamp)
        try fields.required(name("flag", "h"), &flag)
        try fields.optional(name("properties", "i"), &properties)
        try number("reconsumeTimes", "j", &reconsumeTimes)
        try fields.optional(name("unitMode", "k"), &unitMode)
        try number("maxReconsumeTimes", "l", &maxReconsumeTimes)
        try fields.optional(name("batch", "m"), &isBatch)
        try fields.optional(name("bname", "n"), &brokerName)
    }
}

/// Header of a send with short field names (310, 320): what the reference's producers use.
public struct SendMessageHeaderV2: CommandHeader, Equatable {
    public var message = SendMessageHeader()

    public init() {}
    public init(_ message: SendMessageHeader) { self.message = message }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try message.visit(&fields, short: true)
    }
}

/// Header of the answer to a send (10, 310, 320).
///
/// The reference puts ``region`` and ``isTraceOn`` into every answer, also of a failed send, and its client breaks
/// on a success without fields.
public struct SendMessageResponseHeader: CommandHeader, Equatable {
    /// The offset message id; several, joined with commas, for a batch.
    @ByteText public var messageId = ""
    public var queueId: Int32 = 0
    /// The place of the (first) message in its queue.
    public var queueOffset: Int64 = 0
    public var transactionId: String?
    public var isTraceOn: Bool? = true
    public var region: String? = "DefaultRegion"

    public static let regionField = "MSG_REGION"
    public static let traceField = "TRACE_ON"

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("msgId", &messageId)
        try fields.required("queueId", &queueId)
        try fields.required("queueOffset", &queueOffset)
        try fields.optional("transactionId", &transactionId)
        try fields.optional(Self.traceField, &isTraceOn)
        try fields.optional(Self.regionField, &region)
    }
}

/// Header of a message that a consumer gives back because it could not consume it (36).
public struct SendBackHeader: CommandHeader, Equatable {
    /// Where the message lies in the commit log.
    public var physicalOffset: Int64 = 0
    @ByteText public var group = ""
    /// When the message comes again: 0 leaves it to the broker, a negative number makes it a dead letter.
    public var delayLevel: Int32 = 0
    /// The message's id, for hooks alone.
    public var originMessageId: String?
    /// The topic that it was consumed from, for hooks alone.
    public var originTopic: String?
    public var unitMode = false
    /// Nil when absent, which leaves it to the group.
    public var maxReconsumeTimes: Int32?
    public var brokerName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("offset", &physicalOffset)
        try fields.required("group", &group)
        try fields.required("delayLevel", &delayLevel)
        try fields.optional("originMsgId", &originMessageId)
        try fields.optional("originTopic", &originTopic)
        try fields.optional("unitMode", &unitMode)
        fields.readable("maxReconsumeTimes", &maxReconsumeTimes)
        try fields.optional("bname", &brokerName)
    }
}
