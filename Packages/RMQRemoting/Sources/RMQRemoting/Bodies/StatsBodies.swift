public import RMQCommon

// How far queues have grown and groups have consumed: the answers to 202, 208 and 321.

/// The range of offsets in each queue of a topic: the answer to 202.
public struct TopicStatsTable: JSONBody {
    public struct Range: JSONBody, Hashable {
        public var minOffset: Int64
        public var maxOffset: Int64
        /// When the last message was stored, in milliseconds since 1970; 0 for none.
        public var lastUpdateTimestamp: Int64

        public init(minOffset: Int64, maxOffset: Int64, lastUpdateTimestamp: Int64) {
            self.minOffset = minOffset
            self.maxOffset = maxOffset
            self.lastUpdateTimestamp = lastUpdateTimestamp
        }

        public init(json: JSONValue) throws(JSONError) {
            let object = try json.requireObject("topicOffset")
            minOffset = try object.int64("minOffset", default: 0)
            maxOffset = try object.int64("maxOffset", default: 0)
            lastUpdateTimestamp = try object.int64("lastUpdateTimestamp", default: 0)
        }

        public var json: JSONValue {
            [
                "lastUpdateTimestamp": JSONValue(lastUpdateTimestamp), "maxOffset": JSONValue(maxOffset),
                "minOffset": JSONValue(minOffset),
            ]
        }
    }

    public var queues: [MessageQueue: Range]

    public init(queues: [MessageQueue: Range]) {
        self.queues = queues
    }

    public init(json: JSONValue) throws(JSONError) {
        queues = try json.requireObject("topicStatsTable").queueTable("offsetTable") { (value) throws(JSONError) in
            try Range(json: value)
        }
    }

    public var json: JSONValue { ["offsetTable": .table(queues) { $0.json }] }
}

/// How far a group has consumed: the answer to 208.
public struct ConsumeStats: JSONBody {
    public struct Progress: JSONBody, Hashable {
        public var brokerOffset: Int64
        public var consumerOffset: Int64
        /// When the last consumed message was stored, in milliseconds since 1970; 0 for none.
        public var lastTimestamp: Int64

        public init(brokerOffset: Int64, consumerOffset: Int64, lastTimestamp: Int64) {
            self.brokerOffset = brokerOffset
            self.consumerOffset = consumerOffset
            self.lastTimestamp = lastTimestamp
        }

        public init(json: JSONValue) throws(JSONError) {
            let object = try json.requireObject("offsetWrapper")
            brokerOffset = try object.int64("brokerOffset", default: 0)
            consumerOffset = try object.int64("consumerOffset", default: 0)
            lastTimestamp = try object.int64("lastTimestamp", default: 0)
        }

        public var json: JSONValue {
            [
                "brokerOffset": JSONValue(brokerOffset), "consumerOffset": JSONValue(consumerOffset),
                "lastTimestamp": JSONValue(lastTimestamp),
            ]
        }
    }

    public var queues: [MessageQueue: Progress]
    /// Messages a second, over the group's topics.
    public var consumeTPS: Double

    public init(queues: [MessageQueue: Progress], consumeTPS: Double) {
        self.queues = queues
        self.consumeTPS = consumeTPS
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("consumeStats")
        consumeTPS = try object.double("consumeTps", default: 0)
        queues = try object.queueTable("offsetTable") { (value) throws(JSONError) in try Progress(json: value) }
    }

    public var json: JSONValue {
        ["consumeTps": JSONValue(consumeTPS), "offsetTable": .table(queues) { $0.json }]
    }
}

/// Some entries of a consume queue: the answer to 321.
public struct ConsumeQueueEntries: JSONBody {
    public struct Entry: JSONBody, Hashable {
        public var physicalOffset: Int64
        public var size: Int32
        public var tagsCode: Int64
        /// The entry of the extension file, as JSON text.
        public var extensionJSON: String?
        public var bitMap: String?
        /// Whether the subscription of the query takes the message.
        public var isMatch: Bool
        public var message: String?

        public init(
            physicalOffset: Int64, size: Int32, tagsCode: Int64, isMatch: Bool, extensionJSON: String? = nil,
            bitMap: String? = nil, message: String? = nil
        ) {
            self.physicalOffset = physicalOffset
            self.size = size
            self.tagsCode = tagsCode
            self.extensionJSON = extensionJSON
            self.bitMap = bitMap
            self.isMatch = isMatch
            self.message = message
        }

        public init(json: JSONValue) throws(JSONError) {
            let object = try json.requireObject("queueData")
            physicalOffset = try object.int64("physicOffset", default: 0)
            size = try object.int32("physicSize", default: 0)
            tagsCode = try object.int64("tagsCode", default: 0)
            extensionJSON = object.optionalString("extendDataJson")
            bitMap = object.optionalString("bitMap")
            isMatch = try object.bool("eval", default: false)
            message = object.optionalString("msg")
        }

        public var json: JSONValue {
            var object = JSONObject()
            object.append("bitMap", ifPresent: JSONValue(bitMap))
            object.append("eval", JSONValue(isMatch))
            object.append("extendDataJson", ifPresent: JSONValue(extensionJSON))
            object.append("msg", ifPresent: JSONValue(message))
            object.append("physicOffset", JSONValue(physicalOffset))
            object.append("physicSize", JSONValue(size))
            object.append("tagsCode", JSONValue(tagsCode))
            return .object(object)
        }
    }

    public var entries: [Entry]
    public var minQueueIndex: Int64
    public var maxQueueIndex: Int64
    public var subscription: SubscriptionData?
    public var filterData: String?

    public init(
        entries: [Entry], minQueueIndex: Int64, maxQueueIndex: Int64, subscription: SubscriptionData? = nil,
        filterData: String? = nil
    ) {
        self.entries = entries
        self.minQueueIndex = minQueueIndex
        self.maxQueueIndex = maxQueueIndex
        self.subscription = subscription
        self.filterData = filterData
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("queryConsumeQueueResponse")
        entries = try object.list("queueData")
        minQueueIndex = try object.int64("minQueueIndex", default: 0)
        maxQueueIndex = try object.int64("maxQueueIndex", default: 0)
        if let value = object.part("subscriptionData") { subscription = try SubscriptionData(json: value) }
        filterData = object.optionalString("filterData")
    }

    public var json: JSONValue {
        var object = JSONObject()
        object.append("filterData", ifPresent: JSONValue(filterData))
        object.append("maxQueueIndex", JSONValue(maxQueueIndex))
        object.append("minQueueIndex", JSONValue(minQueueIndex))
        object.append("queueData", .list(entries))
        object.append("subscriptionData", ifPresent: subscription?.json)
        return .object(object)
    }
}
