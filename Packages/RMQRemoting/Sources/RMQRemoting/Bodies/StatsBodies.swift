public import RMQCommon

/// The range of offsets in each queue of a topic: the answer to 202.
public struct TopicStatsTable: JSONBody {
    /// Where one queue begins and ends.
    public struct Range: JSONBody, Hashable {
        public var minOffset: Int64 = 0
        public var maxOffset: Int64 = 0
        /// When the last message was stored, in milliseconds since 1970; 0 for none.
        public var lastUpdateTimestamp: Int64 = 0

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("lastUpdateTimestamp", &lastUpdateTimestamp)
            try members.optional("maxOffset", &maxOffset)
            try members.optional("minOffset", &minOffset)
        }
    }

    public var queues: [MessageQueue: Range] = [:]

    public init() {}
    public init(queues: [MessageQueue: Range]) { self.queues = queues }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("offsetTable", &queues)
    }
}

/// How far a group has consumed: the answer to 208.
public struct ConsumeStats: JSONBody {
    /// How far a group is in one queue.
    public struct Progress: JSONBody, Hashable {
        public var brokerOffset: Int64 = 0
        public var consumerOffset: Int64 = 0
        /// When the last consumed message was stored, in milliseconds since 1970; 0 for none.
        public var lastTimestamp: Int64 = 0

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("brokerOffset", &brokerOffset)
            try members.optional("consumerOffset", &consumerOffset)
            try members.optional("lastTimestamp", &lastTimestamp)
        }
    }

    public var queues: [MessageQueue: Progress] = [:]
    /// Messages a second, over the group's topics.
    public var consumeTPS = 0.0

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("consumeTps", &consumeTPS)
        try members.optional("offsetTable", &queues)
    }
}

/// One item of a broker's statistics: the answer to 315.
public struct BrokerStatsData: JSONBody {
    /// What was counted in a span of time.
    public struct Item: JSONBody, Hashable {
        /// Of the messages, the bytes, the milliseconds.
        public var sum: Int64 = 0
        /// A second, on the average.
        public var tps = 0.0
        /// Each time something was counted, on the average.
        public var avgpt = 0.0

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("avgpt", &avgpt)
            try members.optional("sum", &sum)
            try members.optional("tps", &tps)
        }
    }

    /// The last minute.
    public var minute = Item()
    /// The last hour.
    public var hour = Item()
    /// The last 24 hours.
    public var day = Item()

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("statsDay", &day)
        try members.optional("statsHour", &hour)
        try members.optional("statsMinute", &minute)
    }
}

/// Some entries of a consume queue: the answer to 321.
public struct ConsumeQueueEntries: JSONBody {
    /// One entry, and the message that it leads to.
    public struct Entry: JSONBody, Hashable {
        public var physicalOffset: Int64 = 0
        public var size: Int32 = 0
        public var tagsCode: Int64 = 0
        /// The entry of the extension file, as JSON text.
        public var extensionJSON: String?
        public var bitMap: String?
        /// Whether the subscription of the query takes the message.
        public var isMatch = false
        public var message: String?

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("bitMap", &bitMap)
            try members.optional("eval", &isMatch)
            try members.optional("extendDataJson", &extensionJSON)
            try members.optional("msg", &message)
            try members.optional("physicOffset", &physicalOffset)
            try members.optional("physicSize", &size)
            try members.optional("tagsCode", &tagsCode)
        }
    }

    public var entries: [Entry] = []
    public var minQueueIndex: Int64 = 0
    public var maxQueueIndex: Int64 = 0
    public var subscription: SubscriptionData?
    public var filterData: String?

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("filterData", &filterData)
        try members.optional("maxQueueIndex", &maxQueueIndex)
        try members.optional("minQueueIndex", &minQueueIndex)
        try members.optional("queueData", &entries)
        try members.optional("subscriptionData", &subscription)
    }
}
