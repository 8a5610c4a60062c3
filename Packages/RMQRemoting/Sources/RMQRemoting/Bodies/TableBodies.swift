public import RMQCommon

// Lists and tables of texts, and the tables that a broker keeps.

/// Texts by key: the answer to 28, 103 and 219.
public struct KeyValueTable: JSONBody {
    public var table: [ByteText: String] = [:]

    public init() {}
    public init(_ table: [ByteText: String]) { self.table = table }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("table", &table)
    }
}

/// Names of topics: the answer to 206, 224, 304, 305 and 311 to 313.
public struct TopicList: JSONBody {
    public var topics: [String] = []
    /// A broker that knows more, in the answer to 304 only.
    public var brokerAddress: String?

    public init() {}
    public init(_ topics: [String]) { self.topics = topics }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerAddr", &brokerAddress)
        try members.optional("topicList", &topics)
    }
}

/// The client ids of a consumer group's members: the answer to 38.
public struct ConsumerIdList: JSONBody {
    public var clientIds: [String] = []

    public init() {}
    public init(_ clientIds: [String]) { self.clientIds = clientIds }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("consumerIdList", &clientIds)
    }
}

/// The topics of a broker: the answer to 21, part of a registration, and the broker's topics file.
public struct TopicConfigTable: JSONBody {
    public var topics: [ByteText: TopicConfig] = [:]
    /// A table without one, from a file made by hand, counts as just changed, as at the reference.
    public var dataVersion = DataVersion()

    public init() {}

    public init(topics: [ByteText: TopicConfig], dataVersion: DataVersion) {
        self.topics = topics
        self.dataVersion = dataVersion
    }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("dataVersion", &dataVersion)
        try members.optional("topicConfigTable", &topics)
    }
}

/// The consumer groups of a broker: the answer to 201, and the broker's subscription group file.
public struct SubscriptionGroupTable: JSONBody {
    public var groups: [ByteText: SubscriptionGroupConfig] = [:]
    /// As in ``TopicConfigTable``.
    public var dataVersion = DataVersion()

    public init() {}

    public init(groups: [ByteText: SubscriptionGroupConfig], dataVersion: DataVersion) {
        self.groups = groups
        self.dataVersion = dataVersion
    }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("dataVersion", &dataVersion)
        try members.optional("subscriptionGroupTable", &groups)
    }
}

/// How far every group has consumed: the answer to 43, and the broker's consumer offset file.
public struct ConsumerOffsetTable: JSONBody {
    /// Offsets by queue id, under `topic@group`.
    public var offsets: [ByteText: [Int32: Int64]] = [:]
    /// Offsets of groups on light queues, under `topic@group`: those have one queue. nil where nobody keeps them apart.
    public var lightOffsets: [ByteText: Int64]?

    public init() {}
    public init(_ offsets: [ByteText: [Int32: Int64]]) { self.offsets = offsets }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("lmqOffsetTable", &lightOffsets)
        try members.optional("offsetTable", &offsets)
    }
}
