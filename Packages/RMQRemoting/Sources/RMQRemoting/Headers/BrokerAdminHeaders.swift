public import RMQCommon

// Administration of a broker: request codes 17, 26, 202, 215.

/// Header of the making or changing of a topic (17).
public struct CreateTopicHeader: CommandHeader, Equatable {
    @ByteText public var topic: String
    /// Sent by clients, ignored by brokers.
    @ByteText public var defaultTopic: String
    public var readQueueCount: Int32
    public var writeQueueCount: Int32
    public var permission: Permission
    public var filterType: TopicFilterType
    /// Nil means 0.
    public var systemFlag: Int32?
    public var isOrdered: Bool

    public init(
        topic: String, defaultTopic: String = "TBW102", readQueueCount: Int32, writeQueueCount: Int32,
        permission: Permission, filterType: TopicFilterType = .singleTag, systemFlag: Int32? = nil,
        isOrdered: Bool = false
    ) {
        self.topic = topic
        self.defaultTopic = defaultTopic
        self.readQueueCount = readQueueCount
        self.writeQueueCount = writeQueueCount
        self.permission = permission
        self.filterType = filterType
        self.systemFlag = systemFlag
        self.isOrdered = isOrdered
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        topic = try fields.required("topic")
        defaultTopic = try fields.value("defaultTopic", default: "TBW102")
        readQueueCount = try fields.required("readQueueNums")
        writeQueueCount = try fields.required("writeQueueNums")
        permission = try fields.required("perm")
        filterType = try fields.required("topicFilterType")
        systemFlag = fields.readable("topicSysFlag")
        isOrdered = try fields.value("order", default: false)
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("topic", topic)
        fields.append("defaultTopic", defaultTopic)
        fields.append("readQueueNums", readQueueCount)
        fields.append("writeQueueNums", writeQueueCount)
        fields.append("perm", permission)
        fields.append("topicFilterType", filterType)
        fields.append("topicSysFlag", systemFlag)
        fields.append("order", isOrdered)
    }
}

/// Header of what is asked about one topic: its statistics (202), its removal from a broker (215).
public struct TopicHeader: CommandHeader, Equatable {
    @ByteText public var topic: String

    public init(topic: String) {
        self.topic = topic
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        topic = try fields.required("topic")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("topic", topic)
    }
}

/// Header of the answer that carries a broker's configuration (26).
public struct BrokerConfigurationResponseHeader: CommandHeader, Equatable {
    /// A `DataVersion` as JSON text.
    @ByteText public var version: String

    public init(version: String) {
        self.version = version
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        version = try fields.required("version")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("version", version)
    }
}
