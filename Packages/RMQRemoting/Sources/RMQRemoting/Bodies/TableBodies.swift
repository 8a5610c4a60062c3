public import RMQCommon

// Lists and tables of texts, and the tables that a broker keeps.

/// Texts by key: the answer to 28, 103 and 219.
public struct KeyValueTable: JSONBody {
    public var table: [ByteText: String]

    public init(_ table: [ByteText: String]) {
        self.table = table
    }

    public init(json: JSONValue) throws(JSONError) {
        table = try json.requireObject("KVTable").table("table") { (value) throws(JSONError) in
            value.asText ?? ""
        }
    }

    public var json: JSONValue { ["table": .table(table) { .string($0) }] }
}

/// Names of topics: the answer to 206, 224, 304, 305 and 311 to 313.
public struct TopicList: JSONBody {
    public var topics: [String]
    /// A broker that knows more, in the answer to 304 only.
    public var brokerAddress: String?

    public init(_ topics: [String], brokerAddress: String? = nil) {
        self.topics = topics
        self.brokerAddress = brokerAddress
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("topicList")
        topics = try object.strings("topicList")
        brokerAddress = object.optionalString("brokerAddr")
    }

    public var json: JSONValue {
        var object = JSONObject()
        object.append("brokerAddr", ifPresent: JSONValue(brokerAddress))
        object.append("topicList", .strings(topics))
        return .object(object)
    }
}

/// The client ids of a consumer group's members: the answer to 38.
public struct ConsumerIdList: JSONBody {
    public var clientIds: [String]

    public init(_ clientIds: [String]) {
        self.clientIds = clientIds
    }

    public init(json: JSONValue) throws(JSONError) {
        clientIds = try json.requireObject("consumerIdList").strings("consumerIdList")
    }

    public var json: JSONValue { ["consumerIdList": .strings(clientIds)] }
}

/// The topics of a broker: the answer to 21, part of a registration, and the broker's topics file.
public struct TopicConfigTable: JSONBody {
    public var topics: [ByteText: TopicConfig]
    public var dataVersion: DataVersion

    public init(topics: [ByteText: TopicConfig], dataVersion: DataVersion) {
        self.topics = topics
        self.dataVersion = dataVersion
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("topicConfigSerializeWrapper")
        topics = try object.table("topicConfigTable") { (value) throws(JSONError) in try TopicConfig(json: value) }
        dataVersion = try object.dataVersion()
    }

    public var json: JSONValue {
        ["dataVersion": dataVersion.json, "topicConfigTable": .table(topics) { $0.json }]
    }
}

/// The consumer groups of a broker: the answer to 201, and the broker's subscription group file.
public struct SubscriptionGroupTable: JSONBody {
    public var groups: [ByteText: SubscriptionGroupConfig]
    public var dataVersion: DataVersion

    public init(groups: [ByteText: SubscriptionGroupConfig], dataVersion: DataVersion) {
        self.groups = groups
        self.dataVersion = dataVersion
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("subscriptionGroupWrapper")
        groups = try object.table("subscriptionGroupTable") { (value) throws(JSONError) in
            try SubscriptionGroupConfig(json: value)
        }
        dataVersion = try object.dataVersion()
    }

    public var json: JSONValue {
        ["dataVersion": dataVersion.json, "subscriptionGroupTable": .table(groups) { $0.json }]
    }
}

/// How far every group has consumed: the answer to 43, and the broker's consumer offset file.
public struct ConsumerOffsetTable: JSONBody {
    /// Offsets by queue id, under `topic@group`.
    public var offsets: [ByteText: [Int32: Int64]]
    /// Offsets of groups on light queues, under `topic@group`: those have one queue. nil where nobody keeps them apart.
    public var lightOffsets: [ByteText: Int64]?

    public init(_ offsets: [ByteText: [Int32: Int64]], lightOffsets: [ByteText: Int64]? = nil) {
        self.offsets = offsets
        self.lightOffsets = lightOffsets
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("consumerOffset")
        if object["lmqOffsetTable"] != nil {
            lightOffsets = try object.table("lmqOffsetTable") { (value) throws(JSONError) in try value.integer("lmqOffsetTable") }
        }
        offsets = try object.table("offsetTable") { (value) throws(JSONError) in
            var queues: [Int32: Int64] = [:]
            for (key, value) in try value.requireObject("offsetTable").members {
                guard let queueId = key.asInt32 else {
                    throw .wrongType(property: "offsetTable", expected: "offsets by queue id")
                }
                queues[queueId] = try value.integer("offsetTable")
            }
            return queues
        }
    }

    public var json: JSONValue {
        let ordinary = JSONValue.table(offsets) { .table($0) { .integer($0) } }
        guard let lightOffsets else { return ["offsetTable": ordinary] }
        return ["lmqOffsetTable": .table(lightOffsets) { .integer($0) }, "offsetTable": ordinary]
    }
}

extension JSONObject {
    /// The version of the table. One without, from a file made by hand, counts as just changed, as at the reference.
    fileprivate func dataVersion() throws(JSONError) -> DataVersion {
        guard let value = part("dataVersion") else { return DataVersion() }
        return try DataVersion(json: value)
    }
}
