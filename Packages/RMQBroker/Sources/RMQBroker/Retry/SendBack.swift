import RMQCommon
import RMQRemoting
import RMQStore

/// A message that a consumer gives back because it could not consume it (code 36). It comes again later, or is a dead letter.
///
///     group ─► its retry topic ─► the message's record ─┬─► %RETRY%group, through a delay level
///                                 (perhaps by a worker) └─► %DLQ%group, when it came too often or shall not come again
///
/// One a request, on its loop only. The body goes from the mapped log to the staging memory, once.
final class SendBack: WriteObserver {
    private let header: SendBackHeader
    private let clientVersion: Int32
    private let loop: LoopState
    private let connection: Connection
    private let ticket: ReplyTicket
    /// What the statistics count once it is stored.
    private var counted: (topic: String, delayLevel: Int32)?

    static func answer(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(SendBackHeader.self)
        return .later { SendBack(header, clientVersion: command.version, caller, $0.ticket).begin() }
    }

    private init(_ header: SendBackHeader, clientVersion: Int32, _ caller: ClientCaller, _ ticket: ReplyTicket) {
        self.header = header
        self.clientVersion = clientVersion
        loop = caller.loop
        connection = caller.connection
        self.ticket = ticket
    }

    private func begin() {
        carryOut { () throws(Refusal) in
            let group = try group()
            // Such a group wants nothing again.
            guard group.retryQueueCount > 0 else { return accept() }
            _ = try retryTopic(of: group)
            try loop.readRecord(at: header.physicalOffset) { self.write($0) }
        }
    }

    // MARK: Steps

    private func group() throws(Refusal) -> SubscriptionGroupConfig {
        guard let group = loop.broker.group(header.group) else { throw .noGroup(toRetry: header.group) }
        guard loop.settings.isWritable else {
            throw Refusal(.noPermission, "the broker[\(loop.settings.configuration.advertisedAddress)] sending message is forbidden")
        }
        return group
    }

    private func retryTopic(of group: SubscriptionGroupConfig) throws(Refusal) -> LoopTopic {
        let topic = try loop.retryTopic(of: group, isUnit: header.unitMode)
        guard topic.config.permission.isWritable else {
            throw Refusal(.noPermission, "the topic[\(topic.name)] sending message is forbidden")
        }
        return topic
    }

    /// - Parameter record: what lies at the offset; nil when no message does.
    private func write(_ record: MappedRange?) {
        carryOut { () throws(Refusal) in
            // A worker may have read it meanwhile.
            loop.refresh()
            // One that enters no queue was never consumed.
            guard let record, let fields = RecordFields(record.bytes), fields.systemFlag.entersQueue,
                let parts = try? RecordParts(record.bytes, flag: fields.systemFlag),
                loop.broker.store.isInQueue(topic: parts.topic, fields, at: header.physicalOffset)
            else { throw Refusal(.systemError, "look message by offset failed, \(header.physicalOffset)") }
            defer { withExtendedLifetime(record) {} }
            try write(fields, parts)
        }
    }

    private func write(_ fields: RecordFields, _ parts: RecordParts) throws(Refusal) {
        let group = try group()
        let (topic, queueId, delayLevel) = try target(of: fields, group)
        let properties = properties(of: fields, parts, delayLevel: delayLevel)
        counted = (countedTopic(parts), delayLevel)
        do throws(Refusal) {
            try properties.withBytes { (properties) throws(Refusal) in
                var message = NewMessage(fields, body: parts.body, properties: properties)
                message.reconsumeTimes = max(fields.reconsumeTimes, fields.reconsumeTimes &+ 1)
                message.preparedTransactionOffset = 0
                message.keepsWait = true
                try loop.writer.write(message, to: topic, queueId: queueId, completion: .observer(self))
            }
        } catch {
            notStored(error)
        }
    }

    /// The topic that it was sent to first, if there is such a one: a client may write anything into the property.
    private func countedTopic(_ parts: RecordParts) -> String {
        let first = PropertyText.value("RETRY_TOPIC", in: parts.properties).flatMap { loop.routes.topic($0) }
        return first?.name ?? String(decoding: parts.topic, as: UTF8.self)
    }

    /// Where the message goes, and after which delay level.
    private func target(
        of fields: RecordFields, _ group: SubscriptionGroupConfig
    ) throws(Refusal) -> (topic: LoopTopic, queueId: Int32, delayLevel: Int32) {
        let limit = group.retryLimit(asked: header.maxReconsumeTimes, clientVersion: clientVersion)
        if fields.reconsumeTimes >= limit || header.delayLevel < 0 {
            return (try loop.deadLetterTopic(ofGroup: group.groupName), 0, 0)
        }
        let topic = try retryTopic(of: group)
        // The topic may have fewer queues than the group says by now, and consumers read no others.
        let queues = min(group.retryQueueCount, topic.config.writeQueueCount)
        guard queues > 0 else { throw Refusal(.systemError, "topic \(topic.name) has no queue to write to") }
        let byItself = max(fields.reconsumeTimes, fields.reconsumeTimes &+ Self.firstDelayLevel)
        return (topic, loop.writer.randomQueueId(below: queues), header.delayLevel > 0 ? header.delayLevel : byItself)
    }

    /// The level of the first retry: 10 s, unless `messageDelayLevel` says otherwise.
    private static let firstDelayLevel: Int32 = 3

    private func properties(of fields: RecordFields, _ parts: RecordParts, delayLevel: Int32) -> [UInt8] {
        var changes = [(PropertyName.delayLevel, String(delayLevel)), (PropertyName.waitStoreMessage, "false")]
        if PropertyText.value("RETRY_TOPIC", in: parts.properties) == nil {
            changes.append((PropertyName.retryTopic, String(decoding: parts.topic, as: UTF8.self)))
        }
        if PropertyText.value("ORIGIN_MESSAGE_ID", in: parts.properties) == nil {
            let id = OffsetMessageId(storeHost: fields.storeHost, physicalOffset: fields.physicalOffset)
            changes.append((PropertyName.originMessageId, id.text))
        }
        return PropertyText.replacing(changes, in: parts.properties)
    }

    // MARK: The answer

    func written(_ outcome: WriteOutcome) {
        switch outcome {
        case .stored(let message, .ok):
            count(message)
            accept()
        case .stored(_, let status): notStored(Refusal(.systemError, status.name))
        case .failed(let refusal): notStored(refusal)
        }
    }

    private func count(_ message: WrittenMessage) {
        guard let counted else { return }
        loop.statistics.countSendBack(
            topic: counted.topic, group: header.group, delayed: counted.delayLevel > 0 ? (Int(counted.delayLevel), message.result.byteCount) : nil)
    }

    private func accept() { connection.reply(.response(.success), to: ticket) }

    /// Unless the broker is busy, the code is the same whatever the reason; the reference's client then sends the message to the retry topic itself.
    private func notStored(_ refusal: Refusal) {
        if refusal.code == .systemBusy { return refuse(refusal) }
        let remark = refusal.code == .systemError ? refusal.remark : "\(refusal.code): \(refusal.remark)"
        refuse(Refusal(.systemError, remark))
    }

    private func refuse(_ refusal: Refusal) { connection.reply(.response(to: refusal), to: ticket) }

    private func carryOut(_ steps: () throws(Refusal) -> Void) {
        do throws(Refusal) { try steps() } catch { refuse(error) }
    }
}
