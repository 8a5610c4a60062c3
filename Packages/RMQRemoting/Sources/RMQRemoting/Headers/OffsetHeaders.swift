public import RMQCommon

// Offsets of queues and of consumer groups: request codes 14, 15, 29 to 33, 321.

/// Header of a query for the offset a group has consumed to (14). Answered with ``OffsetResponseHeader``.
public struct QueryConsumerOffsetHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup: String
    @ByteText public var topic: String
    public var queueId: Int32
    public var brokerName: String?

    public init(consumerGroup: String, topic: String, queueId: Int32, brokerName: String? = nil) {
        self.consumerGroup = consumerGroup
        self.topic = topic
        self.queueId = queueId
        self.brokerName = brokerName
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        consumerGroup = fields.nameOrNull("consumerGroup")
        topic = try fields.required("topic")
        queueId = try fields.required("queueId")
        brokerName = try fields.optional("bname")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("consumerGroup", consumerGroup)
        fields.append("topic", topic)
        fields.append("queueId", queueId)
        fields.append("bname", brokerName)
    }
}

/// Header of a commit of a consumed offset (15).
public struct UpdateConsumerOffsetHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup: String
    @ByteText public var topic: String
    public var queueId: Int32
    public var commitOffset: Int64
    public var brokerName: String?

    public init(consumerGroup: String, topic: String, queueId: Int32, commitOffset: Int64, brokerName: String? = nil) {
        self.consumerGroup = consumerGroup
        self.topic = topic
        self.queueId = queueId
        self.commitOffset = commitOffset
        self.brokerName = brokerName
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        consumerGroup = fields.nameOrNull("consumerGroup")
        topic = fields.nameOrNull("topic")
        queueId = try fields.required("queueId")
        commitOffset = try fields.required("commitOffset")
        brokerName = try fields.optional("bname")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("consumerGroup", consumerGroup)
        fields.append("topic", topic)
        fields.append("queueId", queueId)
        fields.append("commitOffset", commitOffset)
        fields.append("bname", brokerName)
    }
}

/// Header of a search for the first message stored at or after a time (29). Answered with ``OffsetResponseHeader``.
public struct SearchOffsetHeader: CommandHeader, Equatable {
    @ByteText public var topic: String
    public var queueId: Int32
    /// In milliseconds since 1970.
    public var timestamp: Int64
    public var brokerName: String?

    public init(topic: String, queueId: Int32, timestamp: Int64, brokerName: String? = nil) {
        self.topic = topic
        self.queueId = queueId
        self.timestamp = timestamp
        self.brokerName = brokerName
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        topic = try fields.required("topic")
        queueId = try fields.required("queueId")
        timestamp = try fields.required("timestamp")
        brokerName = try fields.optional("bname")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("topic", topic)
        fields.append("queueId", queueId)
        fields.append("timestamp", timestamp)
        fields.append("bname", brokerName)
    }
}

/// Header of what is asked about one queue: its maximum offset (30), its minimum offset (31), the store time of its
/// earliest message (32).
public struct QueueHeader: CommandHeader, Equatable {
    @ByteText public var topic: String
    public var queueId: Int32
    public var brokerName: String?

    public init(topic: String, queueId: Int32, brokerName: String? = nil) {
        self.topic = topic
        self.queueId = queueId
        self.brokerName = brokerName
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        topic = try fields.required("topic")
        queueId = try fields.required("queueId")
        brokerName = try fields.optional("bname")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("topic", topic)
        fields.append("queueId", queueId)
        fields.append("bname", brokerName)
    }
}

/// Header of an answer that is one offset (14, 29, 30, 31).
public struct OffsetResponseHeader: CommandHeader, Equatable {
    public var offset: Int64

    public init(offset: Int64) {
        self.offset = offset
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        offset = try fields.required("offset")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("offset", offset)
    }
}

/// Header of the answer to the earliest store time of a queue (32).
public struct StoreTimeResponseHeader: CommandHeader, Equatable {
    /// In milliseconds since 1970; −1 for a queue without messages.
    public var timestamp: Int64

    public init(timestamp: Int64) {
        self.timestamp = timestamp
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        timestamp = try fields.required("timestamp")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("timestamp", timestamp)
    }
}

/// Header of a request for one stored message (33).
public struct ViewMessageHeader: CommandHeader, Equatable {
    /// In bytes, in the commit log.
    public var offset: Int64

    public init(offset: Int64) {
        self.offset = offset
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        offset = try fields.required("offset")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("offset", offset)
    }
}

/// Header of a look into the entries of a consume queue (321).
public struct QueryConsumeQueueHeader: CommandHeader, Equatable {
    public var topic: String?
    public var queueId: Int32
    public var index: Int64
    public var count: Int32
    /// Whose subscription the entries are compared with; nil for none.
    public var consumerGroup: String?

    public init(
        topic: String? = nil, queueId: Int32 = 0, index: Int64 = 0, count: Int32 = 0, consumerGroup: String? = nil
    ) {
        self.topic = topic
        self.queueId = queueId
        self.index = index
        self.count = count
        self.consumerGroup = consumerGroup
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        topic = try fields.optional("topic")
        queueId = try fields.value("queueId", default: 0)
        index = try fields.value("index", default: 0)
        count = try fields.value("count", default: 0)
        consumerGroup = try fields.optional("consumerGroup")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("topic", topic)
        fields.append("queueId", queueId)
        fields.append("index", index)
        fields.append("count", count)
        fields.append("consumerGroup", consumerGroup)
    }
}
