public import RMQCommon

// Routes and key-value settings at a name server: request codes 100 to 102, 105, 205, 216, 219, 224, 327.

/// Header of the setting of a key (100).
public struct PutKeyValueHeader: CommandHeader, Equatable {
    @ByteText public var namespace: String
    @ByteText public var key: String
    @ByteText public var value: String

    public init(namespace: String, key: String, value: String) {
        self.namespace = namespace
        self.key = key
        self.value = value
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        namespace = try fields.required("namespace")
        key = try fields.required("key")
        value = try fields.required("value")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("namespace", namespace)
        fields.append("key", key)
        fields.append("value", value)
    }
}

/// Header of the query (101) or removal (102) of a key.
public struct KeyHeader: CommandHeader, Equatable {
    @ByteText public var namespace: String
    @ByteText public var key: String

    public init(namespace: String, key: String) {
        self.namespace = namespace
        self.key = key
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        namespace = try fields.required("namespace")
        key = try fields.required("key")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("namespace", namespace)
        fields.append("key", key)
    }
}

/// Header of the answer to the query of a key (101).
public struct KeyValueResponseHeader: CommandHeader, Equatable {
    public var value: String?

    public init(value: String? = nil) {
        self.value = value
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        value = try fields.optional("value")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("value", value)
    }
}

/// Header of a query for all keys of a namespace (219).
public struct NamespaceHeader: CommandHeader, Equatable {
    @ByteText public var namespace: String

    public init(namespace: String) {
        self.namespace = namespace
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        namespace = try fields.required("namespace")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("namespace", namespace)
    }
}

/// Header of a query for the route of a topic (105).
public struct RouteHeader: CommandHeader, Equatable {
    @ByteText public var topic: String
    /// True asks for quoted map keys whatever the version of the requester.
    public var acceptsStandardJSONOnly: Bool?

    public init(topic: String, acceptsStandardJSONOnly: Bool? = nil) {
        self.topic = topic
        self.acceptsStandardJSONOnly = acceptsStandardJSONOnly
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        topic = try fields.required("topic")
        acceptsStandardJSONOnly = try fields.optional("acceptStandardJsonOnly")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("topic", topic)
        fields.append("acceptStandardJsonOnly", acceptsStandardJSONOnly)
    }
}

/// Header of the wiping (205) or restoring (327) of a broker's write permission.
public struct BrokerNameHeader: CommandHeader, Equatable {
    @ByteText public var brokerName: String

    public init(brokerName: String) {
        self.brokerName = brokerName
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        brokerName = fields.nameOrNull("brokerName")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("brokerName", brokerName)
    }
}

/// Header of the answer to 205.
public struct WipeWritePermissionResponseHeader: CommandHeader, Equatable {
    public var wipedTopicCount: Int32

    public init(wipedTopicCount: Int32) {
        self.wipedTopicCount = wipedTopicCount
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        wipedTopicCount = try fields.required("wipeTopicCount")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("wipeTopicCount", wipedTopicCount)
    }
}

/// Header of the answer to 327.
public struct AddWritePermissionResponseHeader: CommandHeader, Equatable {
    public var addedTopicCount: Int32

    public init(addedTopicCount: Int32) {
        self.addedTopicCount = addedTopicCount
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        addedTopicCount = try fields.required("addTopicCount")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("addTopicCount", addedTopicCount)
    }
}

/// Header of the removal of a topic from a name server (216).
public struct DeleteTopicInNameServerHeader: CommandHeader, Equatable {
    @ByteText public var topic: String
    /// Nil removes the topic from every cluster.
    public var clusterName: String?

    public init(topic: String, clusterName: String? = nil) {
        self.topic = topic
        self.clusterName = clusterName
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        topic = fields.nameOrNull("topic")
        clusterName = try fields.optional("clusterName")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("topic", topic)
        fields.append("clusterName", clusterName)
    }
}

/// Header of a query for the topics of a cluster (224).
public struct ClusterHeader: CommandHeader, Equatable {
    @ByteText public var cluster: String

    public init(cluster: String) {
        self.cluster = cluster
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        cluster = fields.nameOrNull("cluster")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("cluster", cluster)
    }
}
