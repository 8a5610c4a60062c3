public import RMQCommon

// Administration of a broker: request codes 17, 26, 202, 215, 315.

/// Header of the making or changing of a topic (17).
public struct CreateTopicHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    /// Sent by clients, ignored by brokers.
    @ByteText public var defaultTopic = "TBW102"
    public var readQueueCount: Int32 = 0
    public var writeQueueCount: Int32 = 0
    public var permission: Permission = []
    public var filterType = TopicFilterType.singleTag
    /// Nil means 0.
    public var systemFlag: Int32?
    public var isOrdered = false

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("topic", &topic)
        try fields.optional("defaultTopic", &defaultTopic)
        try fields.required("readQueueNums", &readQueueCount)
        try fields.required("writeQueueNums", &writeQueueCount)
        try fields.required("perm", &permission)
        try fields.required("topicFilterType", &filterType)
        fields.readable("topicSysFlag", &systemFlag)
        try fields.optional("order", &isOrdered)
    }
}

/// Header of what is asked about one topic: its statistics (202), its removal from a broker (215).
public struct TopicHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""

    public init() {}
    public init(topic: String) { self.topic = topic }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("topic", &topic)
    }
}

/// Header of the answer that carries a broker's configuration (26).
public struct BrokerConfigurationResponseHeader: CommandHeader, Equatable {
    /// A `DataVersion` as JSON text.
    @ByteText public var version = ""

    public init() {}
    public init(version: String) { self.version = version }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("version", &version)
    }
}

/// Header of what is asked about one item of a broker's statistics (315).
public struct BrokerStatsHeader: CommandHeader, Equatable {
    /// What is counted: `TOPIC_PUT_NUMS`.
    @ByteText public var statsName = ""
    /// Of what: a topic, `topic@group`, the name of a cluster.
    @ByteText public var statsKey = ""

    public init() {}
    public init(statsName: String, statsKey: String) {
        self.statsName = statsName
        self.statsKey = statsKey
    }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("statsName", &statsName)
        try fields.required("statsKey", &statsKey)
    }
}
