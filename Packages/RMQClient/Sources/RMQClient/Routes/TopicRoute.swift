public import RMQCommon
public import RMQRemoting

/// Where the queues of one topic are: what a client derives from a name server's answer.
public struct TopicRoute: Sendable, Equatable {
    /// The topic whose route this is.
    @ByteText public private(set) var topic: String
    /// Queues that take messages, by broker name and id. Only brokers with a master are among them.
    public private(set) var publishQueues: [MessageQueue]
    /// Queues that can be read, by broker name and id.
    public private(set) var subscribeQueues: [MessageQueue]
    /// Addresses by broker name and broker id; id 0 is the master.
    public let brokers: [ByteText: [Int64: ByteText]]
    /// Set when the queues are fixed by an order configuration and stay even while a broker is down.
    public let isOrdered: Bool
    /// Set while the topic does not exist: the publish queues are those that its first message will create.
    public let isTemplate: Bool

    /// - Parameter publishLimit: most publish queues per broker; used when the topic does not exist yet and the
    ///   route is that of the template it will be made from. There is nothing to read then.
    public init(topic: String, data: TopicRouteData, publishLimit: Int32? = nil) {
        self.topic = topic
        isTemplate = publishLimit != nil
        var brokers: [ByteText: [Int64: ByteText]] = [:]
        for broker in data.brokers { brokers[broker.brokerName] = broker.addresses.mapValues { ByteText($0) } }
        self.brokers = brokers
        let queueData = data.queues.sorted { utf16Precedes($0.brokerName, $1.brokerName) }

        subscribeQueues = publishLimit != nil ? [] : Self.queues(topic, queueData.filter(\.permission.isReadable).map { ($0.brokerName, $0.readQueueCount) })
        let ordered = Self.orderedQueues(topic, data.orderTopicConfiguration ?? "")
        isOrdered = !ordered.isEmpty
        if isOrdered {
            publishQueues = ordered
        } else {
            let masters = queueData.filter { $0.permission.isWritable && brokers[$0.brokerName]?[0] != nil }
            publishQueues = Self.queues(topic, masters.map { data in
                (data.brokerName, publishLimit.map { min($0, data.readQueueCount) } ?? data.writeQueueCount)
            })
        }
    }

    /// With the names that the application knows.
    func unwrapped(_ namespace: ClientNamespace) -> TopicRoute {
        guard !namespace.isNone else { return self }
        var route = self
        route.topic = namespace.unwrap(topic)
        route.publishQueues = namespace.unwrap(publishQueues)
        route.subscribeQueues = namespace.unwrap(subscribeQueues)
        return route
    }

    /// The master's address; nil while the broker has none.
    public func master(of brokerName: String) -> String? { brokers[brokerName]?[0]?.text }

    /// The address to read from: `brokerId` if it is there, else its neighbour, else any.
    func reader(of brokerName: String, preferring brokerId: Int64) -> String? {
        guard let addresses = brokers[brokerName] else { return nil }
        let found = addresses[brokerId] ?? (brokerId == 0 ? nil : addresses[brokerId &+ 1]) ?? addresses.min { $0.key < $1.key }?.value
        return found?.text
    }

    /// `broker:count;broker:count`; malformed parts are skipped.
    private static func orderedQueues(_ topic: String, _ text: String) -> [MessageQueue] {
        queues(topic, text.split(ascii: ";").compactMap { part in
            let pieces = part.split(ascii: ":")
            guard pieces.count == 2, let count = Int32(pieces[1].trimmedOfSpace) else { return nil }
            return (pieces[0].trimmedOfSpace, count)
        })
    }

    /// Most queues per broker that a route is believed to have, so that a bad answer cannot fill the memory.
    private static let queueLimit: Int32 = 65_536

    /// The same of all brokers together.
    private static let totalQueueLimit: Int32 = 262_144

    private static func queues(_ topic: String, _ shares: [(brokerName: String, count: Int32)]) -> [MessageQueue] {
        var queues: [MessageQueue] = []
        for share in shares {
            let count = min(share.count, queueLimit, totalQueueLimit - Int32(queues.count))
            for id in 0..<max(0, count) { queues.append(MessageQueue(topic: topic, brokerName: share.brokerName, queueId: id)) }
        }
        return queues
    }
}

/// The order in which all members of a group must sort names.
func utf16Precedes(_ left: String, _ right: String) -> Bool {
    left.utf16.lexicographicallyPrecedes(right.utf16)
}
