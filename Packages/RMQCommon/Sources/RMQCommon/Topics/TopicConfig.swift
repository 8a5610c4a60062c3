/// Whether a topic's messages carry one tag or several.
public enum TopicFilterType: String, Sendable, CaseIterable {
    case singleTag = "SINGLE_TAG"
    case multiTag = "MULTI_TAG"
}

/// How a topic is laid out on one broker.
public struct TopicConfig: Hashable, Sendable {
    /// The topic that is meant; one entry a topic.
    @ByteText public var topicName: String
    /// Queues that may be read; numbers 0 to one less.
    public var readQueueCount: Int32
    /// Queues that take messages; numbers 0 to one less. Fewer than are read lets a topic shrink without a loss.
    public var writeQueueCount: Int32
    /// What producers and consumers may do.
    public var permission: Permission
    /// Whether a message carries one tag or several.
    public var filterType: TopicFilterType
    /// 1 unit, 2 unit subscription.
    public var systemFlag: Int32
    /// Whether clients keep to a fixed list of queues, so that order holds while a broker is away.
    public var isOrdered: Bool

    public init(
        topicName: String, readQueueCount: Int32 = 16, writeQueueCount: Int32 = 16, permission: Permission = .readWrite,
        filterType: TopicFilterType = .singleTag, systemFlag: Int32 = 0, isOrdered: Bool = false
    ) {
        self.topicName = topicName
        self.readQueueCount = readQueueCount
        self.writeQueueCount = writeQueueCount
        self.permission = permission
        self.filterType = filterType
        self.systemFlag = systemFlag
        self.isOrdered = isOrdered
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("topicConfig")
        topicName = try object.string("topicName")
        readQueueCount = try object.int32("readQueueNums", default: 16)
        writeQueueCount = try object.int32("writeQueueNums", default: 16)
        permission = Permission(rawValue: try object.int32("perm", default: 6))
        filterType = try object.choice("topicFilterType", default: .singleTag)
        systemFlag = try object.int32("topicSysFlag", default: 0)
        isOrdered = try object.bool("order", default: false)
    }

    /// The object that ``init(json:)`` reads, its members in the order of the alphabet.
    public var json: JSONValue {
        [
            "order": .bool(isOrdered), "perm": JSONValue(permission.rawValue), "readQueueNums": JSONValue(readQueueCount),
            "topicFilterType": .string(filterType.rawValue), "topicName": .string(topicName), "topicSysFlag": JSONValue(systemFlag),
            "writeQueueNums": JSONValue(writeQueueCount),
        ]
    }

    /// The line of the compressed registration: `name readQueues writeQueues permission filterType`.
    public var line: String { "\(topicName) \(readQueueCount) \(writeQueueCount) \(permission.rawValue) \(filterType.rawValue)" }

    /// Reads that line; nil unless it has exactly these five parts.
    public init?(line: String) {
        let parts = line.split(ascii: " ", keepingEmpty: true)
        guard parts.count == 5, let read = Int32(parts[1]), let write = Int32(parts[2]), let permission = Int32(parts[3]),
            let filterType = TopicFilterType(exactly: parts[4])
        else { return nil }
        self.init(
            topicName: parts[0], readQueueCount: read, writeQueueCount: write, permission: Permission(rawValue: permission),
            filterType: filterType)
    }
}
