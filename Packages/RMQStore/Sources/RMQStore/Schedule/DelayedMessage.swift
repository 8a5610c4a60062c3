import RMQCommon

/// A message on its way through the schedule topic, as its stored record shows it.
///
///     sent        topic T, queue 3, DELAY=2
///     waiting     SCHEDULE_TOPIC_XXXX, queue 1, DELAY=2, REAL_TOPIC=T, REAL_QID=3;  tags code: the time of delivery
///     delivered   T, queue 3, with the properties of the waiting one, byte for byte;  tags code: of its tags
///
/// Points into a mapped segment, which `record` keeps alive.
struct DelayedMessage {
    let record: MappedRange
    let topic: UnsafeRawBufferPointer
    let queueId: Int32
    let properties: UnsafeRawBufferPointer
    let body: UnsafeRawBufferPointer
    let attributes: RecordAttributes

    /// - Parameter record: a whole record; nil when it is something else.
    init?(_ record: MappedRange) {
        guard case .record(let checked) = RecordCheck.check(record.owner, at: record.position, verifiesBody: false) else { return nil }
        guard let fields = RecordFields(record.bytes), let parts = try? RecordParts(record.bytes, flag: fields.systemFlag) else { return nil }
        self.record = record
        topic = checked.topic
        queueId = checked.queueId
        properties = checked.properties
        body = parts.body
        var attributes = RecordAttributes(bornTimestamp: fields.bornTimestamp, bornHost: fields.bornHost, storeHost: fields.storeHost)
        attributes.flag = fields.flag
        attributes.systemFlag = fields.systemFlag.rawValue
        attributes.reconsumeTimes = fields.reconsumeTimes
        self.attributes = attributes
    }

    /// Where it is to be delivered; nil when the properties do not say, or name the topic of half messages, which is never right.
    var target: QueueKey? {
        guard let topic = PropertyText.value("REAL_TOPIC", in: properties), let queue = PropertyText.value("REAL_QID", in: properties),
            let queueId = Int32(String(decoding: queue, as: UTF8.self)), queueId >= 0
        else { return nil }
        let name = String(decoding: topic, as: UTF8.self)
        return name.isExactly(SystemTopic.transactionHalf) ? nil : QueueKey(topic: name, queueId: queueId)
    }

    /// Whether `delivered` is what became of this one.
    func becomes(_ delivered: DelayedMessage) -> Bool {
        guard let target, target.queueId == delivered.queueId, delivered.topic.elementsEqual(target.topic.utf8) else { return false }
        return attributes.bornTimestamp == delivered.attributes.bornTimestamp && attributes.bornHost == delivered.attributes.bornHost
            && attributes.flag == delivered.attributes.flag && attributes.reconsumeTimes == delivered.attributes.reconsumeTimes
            && properties.elementsEqual(delivered.properties) && body.elementsEqual(delivered.body)
    }

    /// The properties of a message that begins to wait: those it came with (the reference too keeps `WAIT` here), its level
    /// as far as there is one, and where it goes in the end.
    static func properties(
        _ received: UnsafeRawBufferPointer, _ added: UnsafeRawBufferPointer, level: Int, topic: [UInt8], queueId: Int32
    ) -> [UInt8] {
        let replaced = [PropertyName.delayLevel, PropertyName.realTopic, PropertyName.realQueueId]
        var result: [UInt8] = []
        func append(_ pair: some Sequence<UInt8>) {
            if !result.isEmpty { result.append(PropertyText.pairEnd) }
            result.append(contentsOf: pair)
        }
        for properties in [received, added] {
            for pair in PropertyText.pairs(in: properties) where !pair.bytes.isEmpty {
                let name = pair.split().name
                if !replaced.contains(where: { name.elementsEqual($0.utf8) }) { append(pair.bytes) }
            }
        }
        for (name, value) in zip(replaced, [Array(String(level).utf8), topic, Array(String(queueId).utf8)]) {
            append(Array(name.utf8) + [PropertyText.nameEnd] + value)
        }
        return result
    }
}
