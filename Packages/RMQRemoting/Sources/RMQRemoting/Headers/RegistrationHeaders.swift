public import RMQCommon

// Brokers at a name server: request codes 103, 104, 322.

/// Header of the registration of a broker (103).
public struct RegisterBrokerHeader: CommandHeader, Equatable {
    @ByteText public var brokerName = ""
    @ByteText public var brokerAddress = ""
    @ByteText public var clusterName = ""
    @ByteText public var haServerAddress = ""
    /// 0 is the master of its name.
    public var brokerId: Int64 = 0
    /// Whether the body is in the form of ``RegisterBrokerBody/init(compressed:)``.
    public var isCompressed = false
    /// CRC-32 & 0x7FFFFFFF of the body as sent; 0 means unchecked.
    public var bodyCRC32: Int32 = 0

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("brokerName", &brokerName)
        try fields.required("brokerAddr", &brokerAddress)
        try fields.required("clusterName", &clusterName)
        try fields.optional("haServerAddr", &haServerAddress)
        try fields.required("brokerId", &brokerId)
        try fields.optional("compressed", &isCompressed)
        fields.readable("bodyCrc32", &bodyCRC32)
    }
}

/// Header of the answer to a registration (103); filled only for slaves whose master is registered.
public struct RegisterBrokerResponseHeader: CommandHeader, Equatable {
    public var haServerAddress: String?
    public var masterAddress: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.optional("haServerAddr", &haServerAddress)
        try fields.optional("masterAddr", &masterAddress)
    }
}

/// Header of a broker's leave (104).
public struct UnregisterBrokerHeader: CommandHeader, Equatable {
    @ByteText public var brokerName = ""
    @ByteText public var brokerAddress = ""
    @ByteText public var clusterName = ""
    public var brokerId: Int64 = 0

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("brokerName", &brokerName)
        fields.nameOrNull("brokerAddr", &brokerAddress)
        fields.nameOrNull("clusterName", &clusterName)
        try fields.required("brokerId", &brokerId)
    }
}

/// Header of a broker's question whether the name server knows its present data version (322).
public struct QueryDataVersionHeader: CommandHeader, Equatable {
    @ByteText public var brokerName = ""
    @ByteText public var brokerAddress = ""
    @ByteText public var clusterName = ""
    /// The server looks at the address alone.
    public var brokerId: Int64?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("brokerName", &brokerName)
        fields.nameOrNull("brokerAddr", &brokerAddress)
        fields.nameOrNull("clusterName", &clusterName)
        fields.readable("brokerId", &brokerId)
    }
}

/// Header of the answer to 322.
public struct QueryDataVersionResponseHeader: CommandHeader, Equatable {
    public var isChanged = false

    public init() {}
    public init(isChanged: Bool) { self.isChanged = isChanged }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("changed", &isChanged)
    }
}
