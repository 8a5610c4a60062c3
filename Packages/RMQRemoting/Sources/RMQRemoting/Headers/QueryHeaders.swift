public import RMQCommon

// Looking messages up by their keys: request code 12.

/// Header of a query for messages with a key (12). Answered with ``QueryMessageResponseHeader`` and the records as body.
public struct QueryMessageHeader: CommandHeader, Equatable {
    @ByteText public var topic: String
    /// A word of the messages' keys, or their unique id.
    @ByteText public var key: String
    public var maxCount: Int32
    /// Store times in milliseconds since 1970, both inclusive.
    public var beginTimestamp: Int64
    public var endTimestamp: Int64
    /// The key is a unique id; the broker then decides itself how many messages it returns.
    public var isUniqueId: Bool

    public init(
        topic: String, key: String, maxCount: Int32, beginTimestamp: Int64 = 0, endTimestamp: Int64 = .max, isUniqueId: Bool = false
    ) {
        self.topic = topic
        self.key = key
        self.maxCount = maxCount
        self.beginTimestamp = beginTimestamp
        self.endTimestamp = endTimestamp
        self.isUniqueId = isUniqueId
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        topic = fields.nameOrNull("topic")
        key = fields.nameOrNull("key")
        isUniqueId = fields[Self.uniqueIdField].isExactly("true")
        maxCount = isUniqueId ? fields.readable("maxNum") ?? 0 : try fields.required("maxNum")
        beginTimestamp = try fields.required("beginTimestamp")
        endTimestamp = try fields.required("endTimestamp")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("topic", topic)
        fields.append("key", key)
        fields.append("maxNum", maxCount)
        fields.append("beginTimestamp", beginTimestamp)
        fields.append("endTimestamp", endTimestamp)
        fields.append(Self.uniqueIdField, isUniqueId)
    }

    private static let uniqueIdField = "_UNIQUE_KEY_QUERY"
}

/// Header of the answer to a query by key, also when nothing was found: the newest message that the index knows.
public struct QueryMessageResponseHeader: CommandHeader, Equatable {
    public var indexLastUpdateTimestamp: Int64
    /// In bytes, in the commit log.
    public var indexLastUpdateOffset: Int64

    public init(indexLastUpdateTimestamp: Int64, indexLastUpdateOffset: Int64) {
        self.indexLastUpdateTimestamp = indexLastUpdateTimestamp
        self.indexLastUpdateOffset = indexLastUpdateOffset
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        indexLastUpdateTimestamp = try fields.required("indexLastUpdateTimestamp")
        indexLastUpdateOffset = try fields.required("indexLastUpdatePhyoffset")
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("indexLastUpdateTimestamp", indexLastUpdateTimestamp)
        fields.append("indexLastUpdatePhyoffset", indexLastUpdateOffset)
    }
}
