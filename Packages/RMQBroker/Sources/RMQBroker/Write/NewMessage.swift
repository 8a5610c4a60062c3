import RMQCommon

/// A message that is to be stored, wherever it comes from: sent by a producer, sent back by a consumer, delivered, or the broker's
/// own. Its bytes are valid during the call that it is handed to.
struct NewMessage {
    var body: UnsafeRawBufferPointer
    /// As they came: what ``received`` found in them counts.
    private(set) var properties: UnsafeRawBufferPointer
    private(set) var received: ReceivedProperties
    /// Pairs of the broker's own, stored behind those; without a separator at either end.
    var addedProperties: UnsafeRawBufferPointer = .empty
    var flag: Int32 = 0
    var systemFlag: Int32 = 0
    var bornTimestamp: Int64
    var bornHost: HostAddress
    var reconsumeTimes: Int32 = 0
    /// Where the half message of a committed transaction is; 0 for all else.
    var preparedTransactionOffset: Int64 = 0
    /// The address in its record and id, of a message that is written once more; nil for this broker's.
    var storeHost: HostAddress?
    /// The body holds the elements of a batch.
    var isBatch = false
    /// `WAIT` stays among the properties, as the reference leaves it in messages that it writes itself.
    var keepsWait = false
    /// It is stored at once, whatever delay its properties ask for: that is for what becomes of it.
    var ignoresDelay = false
    /// A producer sent it, so the statistics count it.
    var isSent = false

    init(body: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer, bornTimestamp: Int64, bornHost: HostAddress) {
        self.body = body
        self.properties = properties
        received = ReceivedProperties(properties)
        self.bornTimestamp = bornTimestamp
        self.bornHost = bornHost
    }

    /// 0 or below for none.
    var delayLevel: Int32 { ignoresDelay ? 0 : received.delayLevel }

    /// What a stored message becomes when it is written once more, with other properties.
    init(_ fields: RecordFields, body: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer) {
        self.init(body: body, properties: properties, bornTimestamp: fields.bornTimestamp, bornHost: fields.bornHost)
        flag = fields.flag
        systemFlag = fields.systemFlag.rawValue
        reconsumeTimes = fields.reconsumeTimes
        preparedTransactionOffset = fields.preparedTransactionOffset
        storeHost = fields.storeHost
    }

    /// The same message with other properties.
    func with(properties: UnsafeRawBufferPointer) -> NewMessage {
        var message = self
        message.properties = properties
        message.received = ReceivedProperties(properties)
        return message
    }
}
