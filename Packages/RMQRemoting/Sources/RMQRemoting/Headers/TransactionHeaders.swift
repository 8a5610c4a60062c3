public import RMQCommon

// Transactions: request codes 37, 39, 323.

/// Header of the end of a transaction (37): what is to become of a half message.
public struct EndTransactionHeader: CommandHeader, Equatable {
    @ByteText public var producerGroup = ""
    /// The half message's place in the queue of half messages.
    public var halfQueueOffset: Int64 = 0
    /// The half message's place in the commit log.
    public var halfPhysicalOffset: Int64 = 0
    /// What the producer says.
    public var decision = TransactionDecision.unknown
    /// Whether it answers a broker's question (39).
    public var answersCheck = false
    /// The message's unique id.
    @ByteText public var messageId = ""
    public var transactionId: String?
    public var brokerName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("producerGroup", &producerGroup)
        try fields.required("tranStateTableOffset", &halfQueueOffset)
        try fields.required("commitLogOffset", &halfPhysicalOffset)
        try fields.required("commitOrRollback", &decision)
        try fields.optional("fromTransactionCheck", &answersCheck)
        try fields.required("msgId", &messageId)
        try fields.optional("transactionId", &transactionId)
        try fields.optional("bname", &brokerName)
    }
}

/// What a producer says of its transaction. Travels as a number, that of the `SystemFlag.TransactionKind`.
public enum TransactionDecision: Int32, HeaderValue, CaseIterable {
    /// The producer does not know yet.
    case unknown = 0
    case commit = 8
    case rollback = 12

    public init?(headerText: String) {
        guard let number = Int32(headerText) else { return nil }
        self.init(rawValue: number)
    }

    public var headerText: String { String(rawValue) }
    public static var expectedText: String { "0, 8 or 12" }
}

/// Header of a broker's question what became of a transaction (39). The body is the half message.
public struct CheckTransactionHeader: CommandHeader, Equatable {
    public var halfQueueOffset: Int64 = 0
    public var halfPhysicalOffset: Int64 = 0
    /// The message's unique id, as is ``transactionId``.
    public var messageId: String?
    public var transactionId: String?
    /// The offset id of the half message.
    public var offsetMessageId: String?
    /// Not sent by brokers of this line; comes back in the answer.
    public var brokerName: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("tranStateTableOffset", &halfQueueOffset)
        try fields.required("commitLogOffset", &halfPhysicalOffset)
        try fields.optional("msgId", &messageId)
        try fields.optional("transactionId", &transactionId)
        try fields.optional("offsetMsgId", &offsetMessageId)
        try fields.optional("bname", &brokerName)
    }
}

/// Header of a request to ask again about a transaction that the broker gave up (323).
public struct ResumeCheckHeader: CommandHeader, Equatable {
    /// The offset id of the half message.
    public var messageId: String?
    /// Sent by some clients, ignored by brokers.
    public var topic: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.optional("msgId", &messageId)
        try fields.optional("topic", &topic)
    }
}
