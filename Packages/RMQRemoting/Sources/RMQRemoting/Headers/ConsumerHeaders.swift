public import RMQCommon

// What consumers are asked and told through a broker, and what is done to their offsets: request codes 220 to 223, 303, 307 to 309, 314.

/// Header of the setting of a group's offsets by time: to the broker (222), and from there to the members (220).
public struct ResetOffsetHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    @ByteText public var group = ""
    /// In milliseconds since 1970; −1 for the end of each queue.
    public var timestamp: Int64 = 0
    /// Whether the group may also be moved forward.
    public var isForced = false

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("topic", &topic)
        fields.nameOrNull("group", &group)
        // Not 0 where it is missing: that would take the group back to its oldest message.
        try fields.required("timestamp", &timestamp)
        try fields.optional("isForce", &isForced)
    }
}

/// Header of a question for the offsets that consumers hold: to the broker (223), and from there to a client (221).
public struct ConsumerStatusHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    @ByteText public var group = ""
    /// The id of the one client that is meant; nil or blank for all.
    public var clientId: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("topic", &topic)
        fields.nameOrNull("group", &group)
        try fields.optional("clientAddr", &clientId)
    }
}

/// Header of a query for the store times that bound what a group has consumed (303).
public struct ConsumeTimeSpanHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    @ByteText public var group = ""

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("topic", &topic)
        fields.nameOrNull("group", &group)
    }
}

/// Header of a question for what a consumer is doing (307), which the broker hands on.
public struct ConsumerRunningInfoHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup = ""
    @ByteText public var clientId = ""
    /// Whether the stacks of its threads are wanted.
    public var wantsStacks = false

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("consumerGroup", &consumerGroup)
        fields.nameOrNull("clientId", &clientId)
        try fields.optional("jstackEnable", &wantsStacks)
    }
}

/// Header of the order to consume one message at once (309), which the broker hands on with the message.
public struct ConsumeDirectlyHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup = ""
    @ByteText public var clientId = ""
    /// An offset message id.
    public var messageId: String?
    /// Added by the broker.
    public var brokerName: String?

    /// What the broker adds on the way to the client.
    public static let brokerNameField = "brokerName"

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("consumerGroup", &consumerGroup)
        fields.nameOrNull("clientId", &clientId)
        try fields.optional("msgId", &messageId)
        try fields.optional(Self.brokerNameField, &brokerName)
    }
}

/// Header of a query for the least offset that the groups of a topic have reached (308).
public struct CorrectionOffsetHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    /// Groups that do not count, separated by commas.
    public var ignoredGroups: String?
    /// The group whose offsets the answer is compared with; nil for none.
    public var comparedGroup: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("topic", &topic)
        try fields.optional("filterGroups", &ignoredGroups)
        try fields.optional("compareGroup", &comparedGroup)
    }
}

/// Header of the order to give one group the offsets of another (314).
public struct CloneOffsetsHeader: CommandHeader, Equatable {
    /// The group that has the offsets.
    @ByteText public var sourceGroup = ""
    /// The group that gets them, instead of its own.
    @ByteText public var targetGroup = ""
    /// Nil or blank for every topic of the source.
    public var topic: String?
    /// Whether topics count as well that the source, which is connected, does not subscribe to.
    public var isOffline = false

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("srcGroup", &sourceGroup)
        try fields.required("destGroup", &targetGroup)
        try fields.optional("topic", &topic)
        try fields.optional("offline", &isOffline)
    }
}
