public import RMQCommon

// Brokers at a name server: request codes 103, 104, 322.

/// Header of the registration of a broker (103).
public struct RegisterBrokerHeader: CommandHeader, Equatable {
    @ByteText public var brokerName: String
    @ByteText public var brokerAddress: String
    @ByteText public var clusterName: String
    @ByteText public var haServerAddress: String
    /// 0 is the master of its name.
    public var brokerId: Int64
    /// Whether the body is in the form of ``RegisterBrokerBody/init(compressed:)``.
    public var isCompressed: Bool
    /// CRC-32 & 0x7FFFFFFF of the body as sent; 0 means unchecked.
    public var bodyCRC32: Int32

    public init(
        brokerName: String, brokerAddress: String, clusterName: String, haServerAddress: String = "", brokerId: Int64,
        isCompressed: Bool = false, bodyCRC32: Int32 = 0
    ) {
        self.brokerName = brokerName
        self.brokerAddress = brokerAddress
        self.clusterName = clusterName
        self.haServerAddress = haServerAddress
        self.brokerId = brokerId
        self.isCompressed = isCompressed
        self.bodyCRC32 = bodyCRC32
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        brokerName = try fields.required("brokerName")
        brokerAddress = try fields.required("brokerAddr")
        clusterName = try fields.required("clusterName")
        haServerAddress = try fields.value("haServerAddr", default: "")
        brokerId = try fields.required("brokerId")
        isCompressed = try fields.value("compressed", default: false)
        bodyCRC32 = fields.readable("bodyCrc32") ?? 0
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("brokerName", brokerName)
        fields.append("brokerAddr", brokerAddress)
        fields.append("clusterName", clusterName)
        fields.append("haServerAddr", haServerAddress)
        fields.append("brokerId", brokerId)
        fields.append("compressed", isCompressed)
        fields.append("bodyCrc32", bodyCRC32)
    }
}

/// Header of the answer to a registration (103); filled only for slaves whose master is registered.
public struct RegisterBrokerResponseHeader: CommandHeader, Equatable {
    public var haServerAddress: String?
    public var masterAddress: String?

    public init(haServerAddress: String? = nil, masterAddress: String? = nil) {
        self.haServerAddress = haServerAddress
        self.masterAddress = masterAddress
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        haServerAddress = try fields.optional("haServerAddr")
        masterAddress = try fields.optional("masterAddr")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("haServerAddr", haServerAddress)
        fields.append("masterAddr", masterAddress)
    }
}

/// Header of a broker's leave (104).
public struct UnregisterBrokerHeader: CommandHeader, Equatable {
    @ByteText public var brokerName: String
    @ByteText public var brokerAddress: String
    @ByteText public var clusterName: String
    public var brokerId: Int64

    public init(brokerName: String, brokerAddress: String, clusterName: String, brokerId: Int64) {
        self.brokerName = brokerName
        self.brokerAddress = brokerAddress
        self.clusterName = clusterName
        self.brokerId = brokerId
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        brokerName = fields.nameOrNull("brokerName")
        brokerAddress = fields.nameOrNull("brokerAddr")
        clusterName = fields.nameOrNull("clusterName")
        brokerId = try fields.required("brokerId")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("brokerName", brokerName)
        fields.append("brokerAddr", brokerAddress)
        fields.append("clusterName", clusterName)
        fields.append("brokerId", brokerId)
    }
}

/// Header of a broker's question whether the name server knows its present data version (322).
public struct QueryDataVersionHeader: CommandHeader, Equatable {
    public var brokerName: String
    public var brokerAddress: String
    public var clusterName: String
    /// The server looks at the address alone.
    public var brokerId: Int64?

    public init(brokerName: String, brokerAddress: String, clusterName: String, brokerId: Int64?) {
        self.brokerName = brokerName
        self.brokerAddress = brokerAddress
        self.clusterName = clusterName
        self.brokerId = brokerId
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        brokerName = fields.nameOrNull("brokerName")
        brokerAddress = fields.nameOrNull("brokerAddr")
        clusterName = fields.nameOrNull("clusterName")
        brokerId = fields.readable("brokerId")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("brokerName", brokerName)
        fields.append("brokerAddr", brokerAddress)
        fields.append("clusterName", clusterName)
        fields.append("brokerId", brokerId)
    }
}

/// Header of the answer to 322.
public struct QueryDataVersionResponseHeader: CommandHeader, Equatable {
    public var isChanged: Bool

    public init(isChanged: Bool) {
        self.isChanged = isChanged
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        isChanged = try fields.required("changed")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("changed", isChanged)
    }
}
