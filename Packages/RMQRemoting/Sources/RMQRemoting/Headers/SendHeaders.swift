public import RMQCommon

// Sending messages: request codes 10, 310, 320.

/// Header of a send (10), with the long field names. ``SendMessageHeaderV2`` is the same under short names.
public struct SendMessageHeader: CommandHeader, Equatable {
    /// No broker looks at it.
    public var producerGroup: String?
    public var topic: String
    /// The topic whose settings an automatically made one takes over. Needed, like the number of queues, only to make one.
    public var defaultTopic: String?
    public var defaultTopicQueueCount: Int32?
    /// The target queue; a negative number leaves the choice to the broker.
    public var queueId: Int32
    public var systemFlag: Int32
    /// The client's clock in milliseconds since 1970.
    public var bornTimestamp: Int64
    public var flag: Int32
    /// The property string of the message.
    public var properties: String?
    /// How often the message was consumed in vain; nil means 0.
    public var reconsumeTimes: Int32?
    public var unitMode: Bool
    public var maxReconsumeTimes: Int32?
    /// Whether the body is a batch. This alone decides, not the request code.
    public var isBatch: Bool
    public var brokerName: String?

    public init(
        producerGroup: String?, topic: String, defaultTopic: String? = "TBW102", defaultTopicQueueCount: Int32? = 4,
        queueId: Int32, systemFlag: Int32 = 0, bornTimestamp: Int64, flag: Int32 = 0, properties: String? = nil,
        reconsumeTimes: Int32? = 0, unitMode: Bool = false, maxReconsumeTimes: Int32? = nil, isBatch: Bool = false,
        brokerName: String? = nil
    ) {
        self.producerGroup = producerGroup
        self.topic = topic
        self.defaultTopic = defaultTopic
        self.defaultTopicQueueCount = defaultTopicQueueCount
        self.queueId = queueId
        self.systemFlag = systemFlag
        self.bornTimestamp = bornTimestamp
        self.flag = flag
        self.properties = properties
        self.reconsumeTimes = reconsumeTimes
        self.unitMode = unitMode
        self.maxReconsumeTimes = maxReconsumeTimes
        self.isBatch = isBatch
        self.brokerName = brokerName
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        try self.init(fields, names: .long)
    }

    public func write(to fields: inout HeaderFields) {
        write(to: &fields, names: .long)
    }
}

/// Header of a send with short field names (310, 320): what the reference's producers use.
public struct SendMessageHeaderV2: CommandHeader, Equatable {
    public var message: SendMessageHeader

    public init(_ message: SendMessageHeader) {
        self.message = message
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        message = try SendMessageHeader(fields, names: .short)
    }

    public func write(to fields: inout HeaderFields) {
        message.write(to: &fields, names: .short)
    }
}

extension SendMessageHeader {
    /// The fields' names in the order of the protocol's table.
    private struct Names {
        var producerGroup, topic, defaultTopic, defaultTopicQueueCount, queueId, systemFlag, bornTimestamp: String
        var flag, properties, reconsumeTimes, unitMode, maxReconsumeTimes, isBatch, brokerName: String

        static let long = Names(
            producerGroup: "producerGroup", topic: "topic", defaultTopic: "defaultTopic",
            defaultTopicQueueCount: "defaultTopicQueueNums", queueId: "queueId", systemFlag: "sysFlag",
            bornTimestamp: "bornTimestamp", flag: "flag", properties: "properties", reconsumeTimes: "reconsumeTimes",
            unitMode: "unitMode", maxReconsumeTimes: "maxReconsumeTimes", isBatch: "batch", brokerName: "bname")
        static let short = Names(
            producerGroup: "a", topic: "b", defaultTopic: "c", defaultTopicQueueCount: "d", queueId: "e",
            systemFlag: "f", bornTimestamp: "g", flag: "h", properties: "i", reconsumeTimes: "j", unitMode: "k",
            maxReconsumeTimes: "l", isBatch: "m", brokerName: "n")
    }

    fileprivate enum NameLength { case long, short }

    fileprivate init(_ fields: HeaderFields, names length: NameLength) throws(HeaderError) {
        let names = length == .long ? Names.long : Names.short
        // The reference reads the long names by reflection and goes on without what it cannot read; not so the short ones.
        func number(_ name: String) throws(HeaderError) -> Int32? {
            length == .long ? fields.readable(name) : try fields.optional(name)
        }
        producerGroup = try fields.optional(names.producerGroup)
        topic = try fields.required(names.topic)
        defaultTopic = try fields.optional(names.defaultTopic)
        defaultTopicQueueCount = try number(names.defaultTopicQueueCount)
        queueId = try fields.required(names.queueId)
        systemFlag = try fields.required(names.systemFlag)
        bornTimestamp = try fields.required(names.bornTimestamp)
        flag = try fields.required(names.flag)
        properties = try fields.optional(names.properties)
        reconsumeTimes = try number(names.reconsumeTimes)
        unitMode = try fields.value(names.unitMode, default: false)
        maxReconsumeTimes = try number(names.maxReconsumeTimes)
        isBatch = try fields.value(names.isBatch, default: false)
        brokerName = try fields.optional(names.brokerName)
    }

    fileprivate func write(to fields: inout HeaderFields, names length: NameLength) {
        let names = length == .long ? Names.long : Names.short
        fields.append(names.producerGroup, producerGroup)
        fields.append(names.topic, topic)
        fields.append(names.defaultTopic, defaultTopic)
        fields.append(names.defaultTopicQueueCount, defaultTopicQueueCount)
        fields.append(names.queueId, queueId)
        fields.append(names.systemFlag, systemFlag)
        fields.append(names.bornTimestamp, bornTimestamp)
        fields.append(names.flag, flag)
        fields.append(names.properties, properties)
        fields.append(names.reconsumeTimes, reconsumeTimes)
        fields.append(names.unitMode, unitMode)
        fields.append(names.maxReconsumeTimes, maxReconsumeTimes)
        fields.append(names.isBatch, isBatch)
        fields.append(names.brokerName, brokerName)
    }
}

/// Header of the answer to a send (10, 310, 320).
///
/// The reference puts ``region`` and ``isTraceOn`` into every answer, also of a failed send, and its client breaks
/// on a success without fields.
public struct SendMessageResponseHeader: CommandHeader, Equatable {
    /// The offset message id; several, joined with commas, for a batch.
    @ByteText public var messageId: String
    public var queueId: Int32
    /// The place of the (first) message in its queue.
    public var queueOffset: Int64
    public var transactionId: String?
    public var isTraceOn: Bool?
    public var region: String?

    public static let regionField = "MSG_REGION"
    public static let traceField = "TRACE_ON"

    public init(
        messageId: String, queueId: Int32, queueOffset: Int64, transactionId: String? = nil,
        isTraceOn: Bool? = true, region: String? = "DefaultRegion"
    ) {
        self.messageId = messageId
        self.queueId = queueId
        self.queueOffset = queueOffset
        self.transactionId = transactionId
        self.isTraceOn = isTraceOn
        self.region = region
    }

    public init(_ fields: HeaderFields) throws(HeaderError) {
        messageId = try fields.required("msgId")
        queueId = try fields.required("queueId")
        queueOffset = try fields.required("queueOffset")
        transactionId = try fields.optional("transactionId")
        isTraceOn = try fields.optional(Self.traceField)
        region = try fields.optional(Self.regionField)
    }

    public func write(to fields: inout HeaderFields) {
        fields.append("msgId", messageId)
        fields.append("queueId", queueId)
        fields.append("queueOffset", queueOffset)
        fields.append("transactionId", transactionId)
        fields.append(Self.traceField, isTraceOn)
        fields.append(Self.regionField, region)
    }
}
