public import RMQCommon

// Clients of a broker: request codes 35, 38, 40, 203, 204, 207, 208.

/// Header of a client's leave from a group (35).
public struct UnregisterClientHeader: CommandHeader, Equatable {
    /// A broker knows the client by its connection.
    public var clientId: String?
    public var producerGroup: String?
    public var consumerGroup: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.optional("clientID", &clientId)
        try fields.optional("producerGroup", &producerGroup)
        try fields.optional("consumerGroup", &consumerGroup)
    }
}

/// Header of what is asked or told about one consumer group: its members (38, 203), that they changed (40).
public struct ConsumerGroupHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup = ""

    public init() {}
    public init(consumerGroup: String) { self.consumerGroup = consumerGroup }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("consumerGroup", &consumerGroup)
    }
}

/// Header of a query for the connections of a producer group (204).
public struct ProducerGroupHeader: CommandHeader, Equatable {
    @ByteText public var producerGroup = ""

    public init() {}
    public init(producerGroup: String) { self.producerGroup = producerGroup }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("producerGroup", &producerGroup)
    }
}

/// Header of the removal of a consumer group (207).
public struct DeleteSubscriptionGroupHeader: CommandHeader, Equatable {
    @ByteText public var group = ""
    public var removesOffsets = false

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("groupName", &group)
        try fields.optional("removeOffset", &removesOffsets)
    }
}

/// Header of a query for how far a group has consumed (208).
public struct ConsumeStatsHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup = ""
    /// Nil for every topic of the group.
    public var topic: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("consumerGroup", &consumerGroup)
        try fields.optional("topic", &topic)
    }
}
