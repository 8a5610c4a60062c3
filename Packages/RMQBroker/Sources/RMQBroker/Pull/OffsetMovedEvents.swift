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

/// Keeps the events of one loop and says them in the log. On the loop's thread only.
final class OffsetMovedEvents {
    /// Most of a loop and second: a client that asks wrongly in a loop must not fill the store.
    private static let limit = 100

    private let loop: EventLoop
    private let broker: BrokerState
    private let settings: LoopSettings
    private let routes: RouteCache
    private let writer: MessageWriter
    private var countedFrom = MonotonicInstant(nanoseconds: 0)
    private var count = 0

    init(loop: EventLoop, broker: BrokerState, settings: LoopSettings, routes: RouteCache, writer: MessageWriter) {
        self.loop = loop
        self.broker = broker
        self.settings = settings
        self.routes = routes
        self.writer = writer
    }

    func record(_ pull: HeldPull, movedTo corrected: Int64) {
        guard let progress = pull.progress, isWithinLimit() else { return }
        let queue = MessageQueue(topic: progress.topic, brokerName: settings.configuration.brokerName, queueId: pull.queue.stored.queueId)
        let event = OffsetMovedEvent(group: progress.group, queue: queue, requested: pull.offset, corrected: corrected)
        broker.logger.warning(
            "PULL_OFFSET_MOVED:correction offset. topic=\(queue.topic), groupId=\(event.group), requestOffset=\(event.requested), newOffset=\(corrected)")
        do throws(Refusal) {
            try write(event)
        } catch {
            broker.logger.warning("the event of a moved offset is not kept: \(error.remark)")
        }
    }

    private func write(_ event: OffsetMovedEvent) throws(Refusal) {
        let name = SystemTopic.offsetMoved
        guard let topic = routes.topic(named: name) else { throw .unknownTopic(name) }
        try event.body.withBytes { (body) throws(Refusal) in
            try event.properties.withBytes { (properties) throws(Refusal) in
                let message = NewMessage(body: body, properties: properties, bornTimestamp: loop.wallMilliseconds, bornHost: settings.storeHost)
                try writer.write(message, to: topic, queueId: 0, completion: .none)
            }
        }
    }

    private func isWithinLimit() -> Bool {
        if loop.now - countedFrom >= .seconds(1) {
            countedFrom = loop.now
            count = 0
        }
        count += 1
        return count <= Self.limit
    }
}
