import RMQCommon

/// A record of a transaction that has not ended, as it lies in the log. Points into the record's bytes.
///
///     sent        topic T, queue 3, TRAN_MSG=true, PGROUP=p
///     stored      RMQ_SYS_TRANS_HALF_TOPIC, queue 0, the same properties and REAL_TOPIC=T, REAL_QID=3
///     asked about stored once more, and TRANSACTION_CHECK_TIMES=1, TRAN_PREPARED_QUEUE_OFFSET=the first one's queue offset
///     committed   T, queue 3, with the properties of the half message, byte for byte
struct HalfMessage {
    let fields: RecordFields
    let topic: UnsafeRawBufferPointer
    let body: UnsafeRawBufferPointer
    let properties: UnsafeRawBufferPointer
    private(set) var producerGroup: UnsafeRawBufferPointer?
    private(set) var realTopic: UnsafeRawBufferPointer?
    private(set) var uniqueId: UnsafeRawBufferPointer?
    /// The queue that it is meant for; nil when that is not told, or cannot be a queue.
    private(set) var realQueueId: Int32?
    /// How often its producer was asked.
    private(set) var checkTimes: Int32 = 0
    /// How long its producer must not be asked, counted from its birth; nil for as long as the broker says.
    private(set) var immunityMilliseconds: Int64?
    /// What it says of its origin.
    private(set) var firstQueueOffset: Int64?

    /// - Parameter record: a whole record; nil when it is none.
    init?(_ record: UnsafeRawBufferPointer) {
        guard let fields = RecordFields(record), let parts = try? RecordParts(record, flag: fields.systemFlag) else { return nil }
        self.fields = fields
        topic = parts.topic
        body = parts.body
        properties = parts.properties
        for pair in PropertyText.pairs(in: properties) { read(pair) }
    }

    private mutating func read(_ pair: PropertyText.Pair) {
        if let value = pair.value(of: "PGROUP") {
            producerGroup = value
        } else if let value = pair.value(of: "REAL_TOPIC") {
            realTopic = value
        } else if let value = pair.value(of: "REAL_QID") {
            realQueueId = Self.number(value).flatMap { (0..<Int64(TopicLimit.queues)).contains($0) ? Int32($0) : nil }
        } else if let value = pair.value(of: "UNIQ_KEY") {
            uniqueId = value
        } else if let value = pair.value(of: "TRANSACTION_CHECK_TIMES") {
            checkTimes = Self.number(value).flatMap { Int32(exactly: $0) } ?? 0
        } else if let value = pair.value(of: "CHECK_IMMUNITY_TIME_IN_SECONDS") {
            // −1 stands for none at the reference.
            immunityMilliseconds = Self.number(value).flatMap { $0 == -1 ? nil : $0.multipliedReportingOverflow(by: 1_000).overflow ? .max : $0 * 1_000 }
        } else if let value = pair.value(of: "TRAN_PREPARED_QUEUE_OFFSET") {
            firstQueueOffset = Self.number(value)
        }
    }

    /// The queue offset of the record that the producer sent: what the transaction is known by. Its own, unless it was stored once more.
    var origin: Int64 {
        guard let first = firstQueueOffset, first >= 0, first < fields.queueOffset else { return fields.queueOffset }
        return first
    }

    /// Whether it was stored once more.
    var isCopy: Bool { origin != fields.queueOffset }

    /// The decimal number that some bytes are; nil for anything else.
    static func number(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        bytes.count <= 20 ? Int64(String(decoding: bytes, as: UTF8.self)) : nil
    }

    /// The half message as it is stored once more.
    /// - Parameter checkTimes: how often its producer has been asked then; nil leaves what it says.
    func copy(checkTimes: Int32?) -> OwnedMessage {
        var pairs = [(PropertyName.transactionPreparedQueueOffset, String(origin))]
        if let checkTimes { pairs.append((PropertyName.transactionCheckTimes, String(checkTimes))) }
        return owned(topic: SystemTopic.transactionHalf, replacing: pairs)
    }

    /// A half message that was given up, as it is stored among the others again.
    var resumed: OwnedMessage {
        owned(topic: SystemTopic.transactionHalf, replacing: [(PropertyName.transactionCheckTimes, "0")])
    }

    /// The half message as it is kept when its producer is asked no more.
    var givenUp: OwnedMessage {
        owned(topic: SystemTopic.transactionCheckExceeded, replacing: [(PropertyName.transactionPreparedQueueOffset, String(origin))])
    }

    /// It is waited for until it is safe, whatever its producer said, since the record before it is left behind then.
    private func owned(topic: String, replacing pairs: [(name: String, value: String)]) -> OwnedMessage {
        let properties = PropertyText.replacing(pairs, removing: [PropertyName.waitStoreMessage], in: properties)
        var message = OwnedMessage(
            topic: topic, queueId: 0, body: [UInt8](body), properties: properties, bornTimestamp: fields.bornTimestamp, bornHost: fields.bornHost)
        message.flag = fields.flag
        message.systemFlag = fields.systemFlag.rawValue
        message.reconsumeTimes = fields.reconsumeTimes
        message.ignoresDelay = true
        return message
    }
}
