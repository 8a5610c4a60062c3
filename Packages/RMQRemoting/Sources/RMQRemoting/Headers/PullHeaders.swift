public import RMQCommon

// Pulling messages: request code 11.

/// Header of a pull (11).
public struct PullMessageHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup: String
    @ByteText public var topic: String
    public var queueId: Int32
    /// The first offset wanted.
    public var queueOffset: Int64
    public var maxMessages: Int32
    public var flags: PullFlags
    /// The consumed offset; means something only with ``PullFlags/commitsOffset``.
    public var commitOffset: Int64
    /// How long the broker may hold the request; means something only with ``PullFlags/suspends``.
    public var suspendTimeoutMillis: Int64
    /// The filter expression; counts only with ``PullFlags/carriesSubscription``.
    public var subscription: String?
    public var subscriptionVersion: Int64
    /// `TAG` or `SQL92`; nil means `TAG`.
    public var expressionType: String?
    public var brokerName: String?

    public init(
        consumerGroup: String, topic: String, queueId: Int32, queueOffset: Int64, maxMessages: Int32, flags: PullFlags,
        commitOffset: Int64 = 0, suspendTimeoutMillis: Int64 = 0, subscription: String? = nil,
        subscriptionVersion: Int64 = 0, expressionType: String? = nil, brokerName: String? = nil
    ) {
        self.consumerGroup = consumerGroup
        self.topic = topic
        self.queueId = queueId
        self.queueOffset = queueOffset
        self.maxMessages = maxMessages
        self.flags = flags
        self.commitOffset = commitOffset
        self.suspendTimeoutMillis = suspendTimeoutMillis
        self.subscription = subscription
        self.subscriptionVersion = subscriptionVersion
        self.expressionType = expressionType
        self.brokerName = brokerName
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        consumerGroup = try fields.required("consumerGroup")
        topic = try fields.required("topic")
        queueId = try fields.required("queueId")
        queueOffset = try fields.required("queueOffset")
        maxMessages = try fields.required("maxMsgNums")
        flags = try fields.required("sysFlag")
        commitOffset = try fields.value("commitOffset", default: 0, requiredIf: flags.contains(.commitsOffset))
        suspendTimeoutMillis = try fields.value("suspendTimeoutMillis", default: 0, requiredIf: flags.contains(.suspends))
        subscription = try fields.optional("subscription")
        subscriptionVersion = try fields.value("subVersion", default: 0, requiredIf: !flags.contains(.carriesSubscription))
        expressionType = try fields.optional("expressionType")
        brokerName = try fields.optional("bname")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("consumerGroup", consumerGroup)
        fields.append("topic", topic)
        fields.append("queueId", queueId)
        fields.append("queueOffset", queueOffset)
        fields.append("maxMsgNums", maxMessages)
        fields.append("sysFlag", flags)
        fields.append("commitOffset", commitOffset)
        fields.append("suspendTimeoutMillis", suspendTimeoutMillis)
        fields.append("subscription", subscription)
        fields.append("subVersion", subscriptionVersion)
        fields.append("expressionType", expressionType)
        fields.append("bname", brokerName)
    }
}

extension HeaderFields {
    /// The value of a field that means something only where `isRequired`; elsewhere `fallback` when it is absent.
    fileprivate func value<Value: HeaderValue>(
        _ name: String, default fallback: Value, requiredIf isRequired: Bool
    ) throws(HeaderError) -> Value {
        isRequired ? try required(name) : try value(name, default: fallback)
    }
}

/// Header of the answer to a pull (11). The remark carries the status, such as `FOUND`.
public struct PullMessageResponseHeader: CommandHeader, Equatable {
    /// Which broker of the group to ask next; 0 is the master.
    public var suggestedBrokerId: Int64
    public var nextBeginOffset: Int64
    public var minOffset: Int64
    public var maxOffset: Int64

    public init(suggestedBrokerId: Int64, nextBeginOffset: Int64, minOffset: Int64, maxOffset: Int64) {
        self.suggestedBrokerId = suggestedBrokerId
        self.nextBeginOffset = nextBeginOffset
        self.minOffset = minOffset
        self.maxOffset = maxOffset
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        suggestedBrokerId = try fields.required("suggestWhichBrokerId")
        nextBeginOffset = try fields.required("nextBeginOffset")
        minOffset = try fields.required("minOffset")
        maxOffset = try fields.required("maxOffset")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("suggestWhichBrokerId", suggestedBrokerId)
        fields.append("nextBeginOffset", nextBeginOffset)
        fields.append("minOffset", minOffset)
        fields.append("maxOffset", maxOffset)
    }
}

/// What a pull asks for besides messages: its `sysFlag`.
public struct PullFlags: OptionSet, HeaderValue {
    public var rawValue: Int32

    @inlinable public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// `commitOffset` is to be stored.
    public static let commitsOffset = PullFlags(rawValue: 0x1)
    /// The broker may hold the request until a message arrives.
    public static let suspends = PullFlags(rawValue: 0x2)
    /// The subscription of this request counts, not that of the heartbeat.
    public static let carriesSubscription = PullFlags(rawValue: 0x4)
    public static let classFilter = PullFlags(rawValue: 0x8)
    /// From a lite pull consumer; for information only.
    public static let litePull = PullFlags(rawValue: 0x10)

    public init?(headerText: String) {
        guard let rawValue = Int32(headerText) else { return nil }
        self.init(rawValue: rawValue)
    }

    public var headerText: String { String(rawValue) }
    public static var expectedText: String { Int32.expectedText }
}
