public import RMQCommon

// Looking messages up by their keys: request code 12.

/// Header of a query for messages with a key (12). Answered with ``QueryMessageResponseHeader`` and the records as body.
public struct QueryMessageHeader: CommandHeader, Equatable {
    @ByteText public var topic = ""
    /// A word of the messages' keys, or their unique id.
    @ByteText public var key = ""
    public var maxCount: Int32 = 0
    /// Store times in milliseconds since 1970, both inclusive.
    public var beginTimestamp: Int64 = 0
    public var endTimestamp = Int64.max
    /// The key is a unique id; the broker then decides itself how many messages it returns.
    public var isUniqueId = false

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        fields.nameOrNull("topic", &topic)
        fields.nameOrNull("key", &key)
        var uniqueId: String? = isUniqueId.headerText
        try fields.optional("_UNIQUE_KEY_QUERY", &uniqueId)
        isUniqueId = uniqueId.isExactly("true")   // unlike other flags in lower case alone, as at the reference
        if isUniqueId { fields.readable("maxNum", &maxCount) } else { try fields.required("maxNum", &maxCount) }
        try fields.required("beginTimestamp", &beginTimestamp)
        try fields.required("endTimestamp", &endTimestamp)
    }
}

/// Header of the answer to a query by key, also when nothing was found: the newest message that the index knows.
public struct QueryMessageResponseHeader: CommandHeader, Equatable {
    public var indexLastUpdateTimestamp: Int64 = 0
    /// In bytes, in the commit log.
    public var indexLastUpdateOffset: Int64 = 0

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("indexLastUpdateTimestamp", &indexLastUpdateTimestamp)
        try fields.required("indexLastUpdatePhyoffset", &indexLastUpdateOffset)
    }
}
