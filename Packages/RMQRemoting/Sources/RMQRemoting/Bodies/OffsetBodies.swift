public import RMQCommon

// Offsets of queues as consumers are told them and tell them.

/// The offsets that a group is set to: the answer to 222, and what its members are told (220).
public struct ResetOffsets: JSONBody {
    public var offsets: [MessageQueue: Int64] = [:]

    public init() {}
    public init(_ offsets: [MessageQueue: Int64]) { self.offsets = offsets }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("offsetTable", &offsets)
    }
}

/// The same as a list: what clients are told (220) whose JSON has no objects as keys, such as those in C++.
public struct ResetOffsetList: JSONBody {
    /// The offset of one queue.
    public struct Entry: JSONBody, Hashable {
        @ByteText public var topic = ""
        @ByteText public var brokerName = ""
        public var queueId: Int32 = 0
        public var offset: Int64 = 0

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("brokerName", &brokerName)
            try members.optional("offset", &offset)
            try members.optional("queueId", &queueId)
            try members.optional("topic", &topic)
        }
    }

    public var offsets: [Entry] = []

    public init() {}

    /// In the order of the queues.
    public init(_ offsets: [MessageQueue: Int64]) {
        self.offsets = offsets.sorted { $0.key < $1.key }.map { queue, offset in
            Entry {
                $0.topic = queue.topic
                $0.brokerName = queue.brokerName
                $0.queueId = queue.queueId
                $0.offset = offset
            }
        }
    }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("offsetTable", &offsets)
    }
}

/// How far consumers say that they are: one client's answer to 221, and a broker's to 223.
public struct ConsumerStatus: JSONBody {
    /// Of the client that answers.
    public var queues: [MessageQueue: Int64] = [:]
    /// Of each client that the broker asked, by client id.
    public var clients: [ByteText: [MessageQueue: Int64]] = [:]

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("consumerTable", &clients)
        try members.optional("messageQueueTable", &queues)
    }
}

/// The least offset that the groups of a topic have reached, by queue id: the answer to 308.
public struct CorrectionOffsets: JSONBody {
    public var offsets: [Int32: Int64] = [:]

    public init() {}
    public init(_ offsets: [Int32: Int64]) { self.offsets = offsets }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("correctionOffsets", &offsets)
    }
}

/// When the first, the last and the last consumed message of each queue were stored: the answer to 303.
public struct ConsumeTimeSpans: JSONBody {
    /// Of one queue. Times are milliseconds since 1970; −1 for a message that is not there.
    public struct Span: JSONBody, Hashable {
        /// The queue that is told about.
        public var queue = MessageQueue()
        /// Of the oldest message.
        public var minTimestamp: Int64 = 0
        /// Of the newest message.
        public var maxTimestamp: Int64 = 0
        /// Of the last message that the group consumed; of the oldest one when it has consumed none.
        public var consumeTimestamp: Int64 = 0
        /// How long the next message has been waiting, in milliseconds; 0 when there is none.
        public var delayMilliseconds: Int64 = 0

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("consumeTimeStamp", &consumeTimestamp)
            try text("consumeTimeStampStr", consumeTimestamp, &members)
            try members.optional("delayTime", &delayMilliseconds)
            try members.optional("maxTimeStamp", &maxTimestamp)
            try text("maxTimeStampStr", maxTimestamp, &members)
            try members.optional("messageQueue", &queue)
            try members.optional("minTimeStamp", &minTimestamp)
            try text("minTimeStampStr", minTimestamp, &members)
        }

        /// Written beside each time, for people, as the clocks of the broker show it; what a reader finds there is ignored.
        private func text<Visitor: JSONVisitor>(_ name: String, _ time: Int64, _ members: inout Visitor) throws(Visitor.Failure) {
            var text = CalendarTime(milliseconds: time).hashText
            try members.optional(name, &text)
        }
    }

    /// One for each queue that is written to, in their order.
    public var spans: [Span] = []

    public init() {}
    public init(_ spans: [Span]) { self.spans = spans }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("consumeTimeSpanSet", &spans)
    }
}
