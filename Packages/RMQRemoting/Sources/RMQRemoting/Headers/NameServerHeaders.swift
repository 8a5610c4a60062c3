public import RMQCommon

// Routes and key-value settings at a name server: request codes 100 to 102, 105, 205, 216, 219, 224, 327.

/// Header of the setting of a key (100).
public struct PutKeyValueHeader: CommandHeader, Equatable {
    @ByteText public var namespace = ""
    @ByteText public var key = ""
    @ByteText public var value = ""

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("namespace", &namespace)
        try fields.required("key", &key)
        try fields.required("value", &value)
    }
}

/// Header of the query (101) or removal (102) of a key.
public struct KeyHeader: CommandHeader, Equatable {
    @ByteText public var namespace = ""
    @ByteText public var key = ""

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("namespace", &namespace)
        try fields.required("key", &key)
    }
}

/// Header of the answer to the query of a key (101).
public struct KeyValueResponseHeader: CommandHeader, Equatable {
    public var value: String?

    public init() {}
    public init(value: String) { self.value = value }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.optional("value", &value)
    }
}

/// Header of a query for all keys of a namespace (219).
public struct NamespaceHeader: CommandHeader, Equatable {
    @ByteText public var namespace = ""

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("namespace", &namespace)
    }
}

/// Header of a query for the route of a topic (105).
public struct RouteHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    /// True asks for quoted map keys whatever the version of the requester.
    public var acceptsStandardJSONOnly: Bool?

    public init() {}
    public init(topic: String) { self.topic = topic }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("topic", &topic)
        try fields.optional("acceptStandardJsonOnly", &acceptsStandardJSONOnly)
    }
}

/// Header of the wiping (205) or restoring (327) of a broker's write permission.
public struct BrokerNameHeader: CommandHeader, Equatable {
    @ByteText public var brokerName = ""

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("brokerName", &brokerName)
    }
}

/// Header of the answer to 205.
public struct WipeWritePermissionResponseHeader: CommandHeader, Equatable {
    public var wipedTopicCount: Int32 = 0

    public init() {}
    public init(wipedTopicCount: Int32) { self.wipedTopicCount = wipedTopicCount }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("wipeTopicCount", &wipedTopicCount)
    }
}

/// Header of the answer to 327.
public struct AddWritePermissionResponseHeader: CommandHeader, Equatable {
    public var addedTopicCount: Int32 = 0

    public init() {}
    public init(addedTopicCount: Int32) { self.addedTopicCount = addedTopicCount }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("addTopicCount", &addedTopicCount)
    }
}

/// Header of the removal of a topic from a name server (216).
public struct DeleteTopicInNameServerHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    /// Nil removes the topic from every cluster.
    public var clusterName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("topic", &topic)
        try fields.optional("clusterName", &clusterName)
    }
}

/// Header of a query for the topics of a cluster (224).
public struct ClusterHeader: CommandHeader, Equatable {
    @ByteText public var cluster = ""

    public init() {}
    public init(cluster: String) { self.cluster = cluster }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("cluster", &cluster)
    }
}
