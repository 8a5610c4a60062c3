public import RMQCommon

// Clients of a broker: request codes 35, 38, 40, 203, 204, 207, 208.

/// Header of a client's leave from a group (35).
public struct UnregisterClientHeader: CommandHeader, Equatable {
    /// A broker knows the client by its connection.
    public var clientId: String?
    public var producerGroup: String?
    public var consumerGroup: String?

    public init(clientId: String?, producerGroup: String? = nil, consumerGroup: String? = nil) {
        self.clientId = clientId
        self.producerGroup = producerGroup
        self.consumerGroup = consumerGroup
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        clientId = try fields.optional("clientID")
        producerGroup = try fields.optional("producerGroup")
        consumerGroup = try fields.optional("consumerGroup")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("clientID", clientId)
        fields.append("producerGroup", producerGroup)
        fields.append("consumerGroup", consumerGroup)
    }
}

/// Header of what is asked or told about one consumer group: its members (38, 203), that they changed (40).
public struct ConsumerGroupHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup: String

    public init(consumerGroup: String) {
        self.consumerGroup = consumerGroup
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        consumerGroup = try fields.required("consumerGroup")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("consumerGroup", consumerGroup)
    }
}

/// Header of a query for the connections of a producer group (204).
public struct ProducerGroupHeader: CommandHeader, Equatable {
    @ByteText public var producerGroup: String

    public init(producerGroup: String) {
        self.producerGroup = producerGroup
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        producerGroup = try fields.required("producerGroup")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("producerGroup", producerGroup)
    }
}

/// Header of the removal of a consumer group (207).
public struct DeleteSubscriptionGroupHeader: CommandHeader, Equatable {
    @ByteText public var group: String
    public var removesOffsets: Bool

    public init(group: String, removesOffsets: Bool = false) {
        self.group = group
        self.removesOffsets = removesOffsets
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        group = try fields.required("groupName")
        removesOffsets = try fields.value("removeOffset", default: false)
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("groupName", group)
        fields.append("removeOffset", removesOffsets)
    }
}

/// Header of a query for how far a group has consumed (208).
public struct ConsumeStatsHeader: CommandHeader, Equatable {
    @ByteText public var consumerGroup: String
    /// Nil for every topic of the group.
    public var topic: String?

    public init(consumerGroup: String, topic: String? = nil) {
        self.consumerGroup = consumerGroup
        self.topic = topic
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        consumerGroup = try fields.required("consumerGroup")
        topic = try fields.optional("topic")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("consumerGroup", consumerGroup)
        fields.append("topic", topic)
    }
}
