public import RMQCommon

// Which brokers and queues there are: what a name server answers to 105 and 106.

/// The queues of a topic at one broker name.
public struct QueueData: JSONBody, Hashable {
    @ByteText public var brokerName = ""
    public var readQueueCount: Int32 = 0
    public var writeQueueCount: Int32 = 0
    public var permission: Permission = []
    public var topicSystemFlag: Int32 = 0

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.required("brokerName", &brokerName)
        try members.optional("perm", &permission)
        try members.optional("readQueueNums", &readQueueCount)
        try members.optional("topicSysFlag", &topicSystemFlag)
        try members.optional("writeQueueNums", &writeQueueCount)
    }
}

/// The master and the slaves of one broker name.
public struct BrokerData: JSONBody {
    @ByteText public var cluster = ""
    @ByteText public var brokerName = ""
    /// `ip:port` by broker id; id 0 is the master.
    public var addresses: [Int64: String] = [:]

    public init() {}

    public init(cluster: String, brokerName: String, addresses: [Int64: String]) {
        self.cluster = cluster
        self.brokerName = brokerName
        self.addresses = addresses
    }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerAddrs", &addresses)
        try members.required("brokerName", &brokerName)
        try members.optional("cluster", &cluster)
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
    public var queues: [QueueData] = []
    public var brokers: [BrokerData] = []
    public var filterServers: [ByteText: [String]] = [:]

    public init() {}

    public init(queues: [QueueData], brokers: [BrokerData]) {
        self.queues = queues
        self.brokers = brokers
    }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerDatas", &brokers)
        try members.optional("filterServerTable", &filterServers)
        try members.optional("orderTopicConf", &orderTopicConfiguration)
        try members.optional("queueDatas", &queues)
    }
}

/// All brokers and clusters that a name server knows: the answer to 106.
public struct ClusterInfo: JSONBody {
    public var brokers: [ByteText: BrokerData] = [:]
    /// Broker names by cluster.
    public var clusters: [ByteText: [String]] = [:]

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerAddrTable", &brokers)
        try members.optional("clusterAddrTable", &clusters)
    }
}
