public import RMQCommon

// Offsets of queues and of consumer groups: request codes 14, 15, 29 to 33, 321.

/// Header of a query for the offset a group has consumed to (14). Answered with ``OffsetResponseHeader``.
public struct QueryConsumerOffsetHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup = ""
    @ByteText public var topic = ""
    public var queueId: Int32 = 0
    public var brokerName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("consumerGroup", &consumerGroup)
        try fields.required("topic", &topic)
        try fields.required("queueId", &queueId)
        try fields.optional("bname", &brokerName)
    }
}

/// Header of a commit of a consumed offset (15).
public struct UpdateConsumerOffsetHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup = ""
    @ByteText public var topic = ""
    public var queueId: Int32 = 0
    public var commitOffset: Int64 = 0
    public var brokerName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("consumerGroup", &consumerGroup)
        fields.nameOrNull("topic", &topic)
        try fields.required("queueId", &queueId)
        try fields.required("commitOffset", &commitOffset)
        try fields.optional("bname", &brokerName)
    }
}

/// Header of a search for the first message stored at or after a time (29). Answered with ``OffsetResponseHeader``.
public struct SearchOffsetHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    public var queueId: Int32 = 0
    /// In milliseconds since 1970.
    public var timestamp: Int64 = 0
    public var brokerName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("topic", &topic)
        try fields.required("queueId", &queueId)
        try fields.required("timestamp", &timestamp)
        try fields.optional("bname", &brokerName)
    }
}

/// Header of what is asked about one queue: its maximum offset (30), its minimum offset (31), the store time of its
/// earliest message (32).
public struct QueueHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    public var queueId: Int32 = 0
    public var brokerName: String?

    public init() {}

    public init(topic: String, queueId: Int32) {
        self.topic = topic
        self.queueId = queueId
    }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("topic", &topic)
        try fields.required("queueId", &queueId)
        try fields.optional("bname", &brokerName)
    }
}

/// Header of an answer that is one offset (14, 29, 30, 31).
public struct OffsetResponseHeader: CommandHeader, Equatable {
    public var offset: Int64 = 0

    public init() {}
    public init(offset: Int64) { self.offset = offset }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("offset", &offset)
    }
}

/// Header of a request for one stored message (33).
public struct ViewMessageHeader: CommandHeader, Equatable {
    /// In bytes, in the commit log.
    public var offset: Int64 = 0

    public init() {}
    public init(offset: Int64) { self.offset = offset }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("offset", &offset)
    }
}

/// Header of the answer to the earliest store time of a queue (32).
public struct StoreTimeResponseHeader: CommandHeader, Equatable {
    /// In milliseconds since 1970; −1 for a queue without messages.
    public var timestamp: Int64 = 0

    public init() {}
    public init(timestamp: Int64) { self.timestamp = timestamp }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("timestamp", &timestamp)
    }
}

/// Header of a look into the entries of a consume queue (321).
public struct QueryConsumeQueueHeader: CommandHeader, Equatable {
    public var topic: String?
    public var queueId: Int32 = 0
    public var index: Int64 = 0
    public var count: Int32 = 0
    /// Whose subscription the entries are compared with; nil for none.
    public var consumerGroup: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.optional("topic", &topic)
        fields.readable("queueId", &queueId)
        fields.readable("index", &index)
        fields.readable("count", &count)
        try fields.optional("consumerGroup", &consumerGroup)
    }
}
