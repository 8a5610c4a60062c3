public import RMQCommon

// Which brokers and queues there are: what a name server answers to 105 and 106.

/// The queues of a topic at one broker name.
public struct QueueData: JSONBody, Hashable {
    @ByteText public var brokerName: String
    public var readQueueCount: Int32
    public var writeQueueCount: Int32
    public var permission: Permission
    public var topicSystemFlag: Int32

    public init(
        brokerName: String, readQueueCount: Int32, writeQueueCount: Int32, permission: Permission,
        topicSystemFlag: Int32 = 0
    ) {
        self.brokerName = brokerName
        self.readQueueCount = readQueueCount
        self.writeQueueCount = writeQueueCount
        self.permission = permission
        self.topicSystemFlag = topicSystemFlag
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("queueData")
        brokerName = try object.string("brokerName")
        readQueueCount = try object.int32("readQueueNums", default: 0)
        writeQueueCount = try object.int32("writeQueueNums", default: 0)
        permission = Permission(rawValue: try object.int32("perm", default: 0))
        topicSystemFlag = try object.int32("topicSysFlag", default: 0)
    }

    public var json: JSONValue {
        [
            "brokerName": JSONValue(brokerName), "perm": JSONValue(permission.rawValue),
            "readQueueNums": JSONValue(readQueueCount), "topicSysFlag": JSONValue(topicSystemFlag),
            "writeQueueNums": JSONValue(writeQueueCount),
        ]
    }
}

/// The master and the slaves of one broker name.
public struct BrokerData: JSONBody {
    @ByteText public var cluster: String
    @ByteText public var brokerName: String
    /// `ip:port` by broker id; id 0 is the master.
    public var addresses: [Int64: String]

    public init(cluster: String, brokerName: String, addresses: [Int64: String]) {
        self.cluster = cluster
        self.brokerName = brokerName
        self.addresses = addresses
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("brokerData")
        cluster = try object.string("cluster", default: "")
        brokerName = try object.string("brokerName")
        addresses = [:]
        for (key, value) in try object["brokerAddrs"]?.requireObject("brokerAddrs").members ?? [] {
            guard let id = key.asInt64 else { throw .wrongType(property: "brokerAddrs", expected: "addresses by broker id") }
            addresses[id] = value.asText
        }
    }

    public var json: JSONValue {
        [
            "brokerAddrs": .table(addresses) { .string($0) }, "brokerName": JSONValue(brokerName),
            "cluster": JSONValue(cluster),
        ]
    }

    public var masterAddress: String? { addresses[0] }

    public static func == (left: BrokerData, right: BrokerData) -> Bool {
        left._cluster == right._cluster && left._brokerName == right._brokerName && left.addresses.count == right.addresses.count
            && left.addresses.allSatisfy { right.addresses[$0.key].isExactly($0.value) }
    }
}

/// Where the queues of a topic are: the answer to 105.
///
/// Which style to write it in depends on the requester: `body` for versions before ``ProtocolVersion/v4_9_4``,
/// `json.bytes(.browserCompatible)` since then or when the request asks for standard JSON.
public struct TopicRouteData: JSONBody {
    /// `broker:count;broker:count` of an ordered topic; a non-empty text makes clients use exactly these queues.
    public var orderTopicConfiguration: String?
    public var queues: [QueueData]
    public var brokers: [BrokerData]
    public var filterServers: [ByteText: [String]]

    public init(
        queues: [QueueData], brokers: [BrokerData], filterServers: [ByteText: [String]] = [:],
        orderTopicConfiguration: String? = nil
    ) {
        self.queues = queues
        self.brokers = brokers
        self.filterServers = filterServers
        self.orderTopicConfiguration = orderTopicConfiguration
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("topicRouteData")
        orderTopicConfiguration = object.optionalString("orderTopicConf")
        queues = try object.list("queueDatas")
        brokers = try object.list("brokerDatas")
        filterServers = try object.table("filterServerTable") { (value) throws(JSONError) in
            try value.strings("filterServerTable")
        }
    }

    public var json: JSONValue {
        var object: JSONObject = [
            "brokerDatas": .list(brokers), "filterServerTable": .table(filterServers) { .strings($0) },
        ]
        object.append("orderTopicConf", ifPresent: JSONValue(orderTopicConfiguration))
        object.append("queueDatas", .list(queues))
        return .object(object)
    }
}

/// All brokers and clusters that a name server knows: the answer to 106.
public struct ClusterInfo: JSONBody {
    public var brokers: [ByteText: BrokerData]
    /// Broker names by cluster.
    public var clusters: [ByteText: [String]]

    public init(brokers: [ByteText: BrokerData], clusters: [ByteText: [String]]) {
        self.brokers = brokers
        self.clusters = clusters
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("clusterInfo")
        brokers = try object.table("brokerAddrTable") { (value) throws(JSONError) in try BrokerData(json: value) }
        clusters = try object.table("clusterAddrTable") { (value) throws(JSONError) in
            try value.strings("clusterAddrTable")
        }
    }

    public var json: JSONValue {
        [
            "brokerAddrTable": .table(brokers) { $0.json },
            "clusterAddrTable": .table(clusters) { .strings($0) },
        ]
    }
}
