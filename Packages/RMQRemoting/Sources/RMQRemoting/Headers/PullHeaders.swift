public import RMQCommon

// Pulling messages: request code 11.

/// Header of a pull (11).
public struct PullMessageHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup = ""
    @ByteText public var topic = ""
    public var queueId: Int32 = 0
    /// The first offset wanted.
    public var queueOffset: Int64 = 0
    public var maxMessages: Int32 = 0
    public var flags: PullFlags = []
    /// The consumed offset; means something only with ``PullFlags/commitsOffset``.
    public var commitOffset: Int64 = 0
    /// How long the broker may hold the request; means something only with ``PullFlags/suspends``.
    public var suspendTimeoutMillis: Int64 = 0
    /// The filter expression; counts only with ``PullFlags/carriesSubscription``.
    public var subscription: String?
    public var subscriptionVersion: Int64 = 0
    /// `TAG` or `SQL92`; nil means `TAG`.
    public var expressionType: String?
    public var brokerName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("consumerGroup", &consumerGroup)
        try fields.required("topic", &topic)
        try fields.required("queueId", &queueId)
        try fields.required("queueOffset", &queueOffset)
        try fields.required("maxMsgNums", &maxMessages)
        try fields.required("sysFlag", &flags)
        try fields.required(if: flags.contains(.commitsOffset), "commitOffset", &commitOffset)
        try fields.required(if: flags.contains(.suspends), "suspendTimeoutMillis", &suspendTimeoutMillis)
        try fields.optional("subscription", &subscription)
        try fields.required(if: !flags.contains(.carriesSubscription), "subVersion", &subscriptionVersion)
        try fields.optional("expressionType", &expressionType)
        try fields.optional("bname", &brokerName)
    }
}

/// Header of the answer to a pull (11). The remark carries the status, such as `FOUND`.
public struct PullMessageResponseHeader: CommandHeader, Equatable {
    /// Which broker of the group to ask next; 0 is the master.
    public var suggestedBrokerId: Int64 = 0
    public var nextBeginOffset: Int64 = 0
    public var minOffset: Int64 = 0
    public var maxOffset: Int64 = 0

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("suggestWhichBrokerId", &suggestedBrokerId)
        try fields.required("nextBeginOffset", &nextBeginOffset)
        try fields.required("minOffset", &minOffset)
        try fields.required("maxOffset", &maxOffset)
    }
}
