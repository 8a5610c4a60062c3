/// A message as a broker stored it and a consumer receives it.
public struct StoredMessage: Sendable, Equatable {
    /// Where it is stored: of a retried message the group's retry topic.
    @ByteText public var topic: String
    /// As stored, or restored when it was decoded with decompression; `systemFlag` tells the stored form either way.
    public var body: [UInt8]
    /// Names and values that the producer and the broker gave it.
    public var properties: MessageProperties
    /// Empty until the receiver, who knows whom it asked, fills it in.
    @ByteText public var brokerName: String
    /// The queue's number at that broker.
    public var queueId: Int32
    /// Its place in the queue, from 0 on.
    public var queueOffset: Int64
    /// The position of the record in the commit log.
    public var physicalOffset: Int64
    /// The size of the whole record in bytes.
    public var storeSize: Int32
    /// The CRC-32 of the stored body, the top bit cleared.
    public var bodyCRC: Int32
    /// The application's own number.
    public var flag: Int32
    /// How body and addresses are stored, and its part in a transaction.
    public var systemFlag: SystemFlag
    /// Milliseconds since 1970, by the producer's clock.
    public var bornTimestamp: Int64
    /// The producer's end of the connection.
    public var bornHost: HostAddress
    /// Milliseconds since 1970, by the broker's clock.
    public var storeTimestamp: Int64
    /// The address that the broker advertises.
    public var storeHost: HostAddress
    /// How often consumers have sent it back; 0 at the first delivery.
    public var reconsumeTimes: Int32
    /// Of a committed or rolled back message the commit-log position of its half message; else 0.
    public var preparedTransactionOffset: Int64

    public init(
        topic: String, body: [UInt8], properties: MessageProperties = [:], brokerName: String = "", queueId: Int32 = 0,
        queueOffset: Int64 = 0, physicalOffset: Int64 = 0, storeSize: Int32 = 0, bodyCRC: Int32 = 0, flag: Int32 = 0,
        systemFlag: SystemFlag = [], bornTimestamp: Int64 = 0, bornHost: HostAddress = .unspecified, storeTimestamp: Int64 = 0,
        storeHost: HostAddress = .unspecified, reconsumeTimes: Int32 = 0, preparedTransactionOffset: Int64 = 0
    ) {
        self.topic = topic
        self.body = body
        self.properties = properties
        self.brokerName = brokerName
        self.queueId = queueId
        self.queueOffset = queueOffset
        self.physicalOffset = physicalOffset
        self.storeSize = storeSize
        self.bodyCRC = bodyCRC
        self.flag = flag
        self.systemFlag = systemFlag
        self.bornTimestamp = bornTimestamp
        self.bornHost = bornHost
        self.storeTimestamp = storeTimestamp
        self.storeHost = storeHost
        self.reconsumeTimes = reconsumeTimes
        self.preparedTransactionOffset = preparedTransactionOffset
    }

    /// The body as UTF-8; what is none is repaired with U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }
    /// The one word by which consumers select; nil for none.
    public var tags: String? { properties[PropertyName.tags] }
    /// What the message can be looked up by.
    public var keys: [String] { properties.keys }
    /// The level by which delivery was put off, see ``Message/delayLevel``; 0 for none.
    public var delayLevel: Int { properties[PropertyName.delayLevel].flatMap { Int($0) } ?? 0 }

    /// The producer's unique id, or the offset id of a message without one.
    public var messageId: String { properties[PropertyName.uniqueKey] ?? offsetMessageId }

    /// Where the record lies: the broker's address and the position in its commit log.
    public var offsetMessageId: String { OffsetMessageId(storeHost: storeHost, physicalOffset: physicalOffset).text }

    /// Where it is; without a broker's name until the receiver filled that in.
    public var queue: MessageQueue { MessageQueue(topic: topic, brokerName: brokerName, queueId: queueId) }

    /// The application's part, to send it once more.
    public var message: Message { Message(topic: topic, body: body, properties: properties, flag: flag) }
}

extension HostAddress {
    /// 0.0.0.0:0
    public static let unspecified = HostAddress(ipv4: (0, 0, 0, 0), port: 0)
}
