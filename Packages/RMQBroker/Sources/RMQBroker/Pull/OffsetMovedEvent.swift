import RMQCommon
import RMQRemoting
import RMQStore

/// A group asked for an offset that its queue does not have: messages were deleted before it read them, or offsets are wrong.
///
/// Kept as a message in `OFFSET_MOVED_EVENT`, which monitoring consumes; tags and keys are the group.
struct OffsetMovedEvent {
    let group: String
    let queue: MessageQueue
    let requested: Int64
    let corrected: Int64

    var body: [UInt8] {
        let queue: JSONValue = [
            "brokerName": .string(queue.brokerName), "queueId": JSONValue(queue.queueId), "topic": .string(queue.topic),
        ]
        let event: JSONValue = [
            "consumerGroup": .string(group), "messageQueue": queue, "offsetNew": .integer(corrected), "offsetRequest": .integer(requested),
        ]
        return event.bytes(.fastjson)
    }

    var properties: [UInt8] {
        ([PropertyName.tags: group, PropertyName.delayLevel: "0", PropertyName.keys: group] as MessageProperties).encoded()
    }
}

extension LoopState {
    /// Events of one loop and second that are kept: a client that asks wrongly in a loop must not fill the store.
    static let offsetMovedLimit = 100

    /// Keeps the event and says it in the log.
    func offsetMoved(_ pull: HeldPull, to corrected: Int64) {
        guard let progress = pull.progress, mayRecordOffsetMoved() else { return }
        let queue = MessageQueue(topic: progress.topic, brokerName: configuration.brokerName, queueId: pull.queue.queue.queueId)
        let event = OffsetMovedEvent(group: progress.group, queue: queue, requested: pull.offset, corrected: corrected)
        broker.logger.warning(
            "PULL_OFFSET_MOVED:correction offset. topic=\(queue.topic), groupId=\(event.group), requestOffset=\(event.requested), newOffset=\(corrected)")
        let attributes = RecordAttributes(bornTimestamp: loop.wallMilliseconds, bornHost: storeHost, storeHost: storeHost)
        do {
            try event.body.withUnsafeBytes { body in
                try event.properties.withUnsafeBytes { properties in
                    let handle = broker.store.queueHandle(topic: SystemTopic.offsetMoved, queueId: 0)
                    try broker.store.append(encoder.encode(queue: handle, attributes: attributes, body: body, properties: properties))
                }
            }
            broker.messagesDelivered(topic: SystemTopic.offsetMoved, queueId: 0)
        } catch {
            broker.logger.warning("the event of a moved offset is not kept: \(error)")
        }
    }
}
