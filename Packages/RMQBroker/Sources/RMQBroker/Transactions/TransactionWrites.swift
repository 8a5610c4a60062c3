import RMQCommon
import RMQRemoting
import RMQStore

/// Writes half messages and what becomes of them, for one loop and on its thread only.
final class TransactionWrites {
    private let loop: EventLoop
    private let broker: BrokerState
    private let settings: LoopSettings
    private let routes: RouteCache
    private let writer: MessageWriter
    private let scratch = PropertyScratch()

    private let halfTopic = Array(SystemTopic.transactionHalf.utf8)
    private let opTopic = Array(SystemTopic.transactionOperations.utf8)
    private let realTopic = Array("\u{2}\(PropertyName.realTopic)\u{1}".utf8)
    private let realQueue = Array("\u{2}\(PropertyName.realQueueId)\u{1}".utf8)
    /// As the reference writes them.
    private let opProperties = Array((PropertyText.pair(PropertyName.waitStoreMessage, "true") + "\u{2}" + PropertyText.pair(PropertyName.tags, "d")).utf8)

    init(loop: EventLoop, broker: BrokerState, settings: LoopSettings, routes: RouteCache, writer: MessageWriter) {
        self.loop = loop
        self.broker = broker
        self.settings = settings
        self.routes = routes
        self.writer = writer
    }

    /// Stores a message that its producer sent to `topic` where it waits for its transaction's end. Its delay waits for that, too.
    func write(half message: NewMessage, of topic: LoopTopic, queueId: Int32, completion: WriteCompletion) throws(Refusal) {
        let place = try self.topic(halfTopic)
        let queueId = writer.chosenQueue(queueId, of: topic)
        var half = message
        half.ignoresDelay = true
        half.keepsWait = true
        half.systemFlag &= ~SystemFlag.TransactionKind.rollback.rawValue
        half.addedProperties = realPlace(topic.name, queueId)
        guard PropertyText.pairs(in: message.properties).contains(where: { Self.isLeftOver($0) }) else {
            return try writer.write(half, to: place, queueId: 0, telling: queueId, completion: completion)
        }
        let leftOvers = [PropertyName.transactionPreparedQueueOffset, PropertyName.transactionCheckTimes]
        let properties = PropertyText.replacing([], removing: leftOvers, in: message.properties)
        try properties.withBytes { (properties) throws(Refusal) in
            try writer.write(half.with(properties: properties), to: place, queueId: 0, telling: queueId, completion: completion)
        }
    }

    /// What a message may have kept of a transaction that it was part of before: it would be taken for a copy of that one.
    private static func isLeftOver(_ pair: PropertyText.Pair) -> Bool {
        pair.isNamed("TRAN_PREPARED_QUEUE_OFFSET") || pair.isNamed("TRANSACTION_CHECK_TIMES")
    }

    /// The pairs that the broker adds to every message, and where the message is to go.
    private func realPlace(_ topic: String, _ queueId: Int32) -> UnsafeRawBufferPointer {
        let sent = settings.sentProperties
        var (topic, queue) = (topic, String(queueId))
        scratch.empty(reserving: sent.count + realTopic.count + topic.utf8.count + realQueue.count + queue.utf8.count)
        scratch.append(sent)
        realTopic.withUnsafeBytes { scratch.append($0) }
        topic.withUTF8 { scratch.append(UnsafeRawBufferPointer($0)) }
        realQueue.withUnsafeBytes { scratch.append($0) }
        queue.withUTF8 { scratch.append(UnsafeRawBufferPointer($0)) }
        return scratch.bytes
    }

    // MARK: Ends

    /// Stores the message that a half message becomes, and behind it that the half message is done with.
    /// - Throws: why it cannot be stored; `completion` does not hear of that.
    func commit(_ half: HalfMessage, completion: WriteCompletion) throws(Refusal) {
        guard let name = half.realTopic, let queueId = half.realQueueId else {
            throw Refusal(.systemError, "the half message does not say where it is to go (properties REAL_TOPIC and REAL_QID)")
        }
        guard let topic = routes.topic(name) else { throw .unknownTopic(String(decoding: name, as: UTF8.self)) }
        if let refusal = topic.sendRefusal { throw refusal }
        let ops = try self.topic(opTopic)
        var message = NewMessage(half.fields, body: half.body, properties: half.properties)
        message.systemFlag = message.systemFlag & ~SystemFlag.TransactionKind.rollback.rawValue | SystemFlag.TransactionKind.commit.rawValue
        message.preparedTransactionOffset = half.fields.physicalOffset
        message.keepsWait = true
        try writer.write(message, to: topic, queueId: queueId, completion: completion)
        if withOp(half.fields.queueOffset, { writer.write(mark: $0, to: ops, queueId: 0) }) { markOrigin(of: half, ops) }
    }

    /// Stores that a half message is done with.
    /// - Throws: why that cannot be stored; `completion` does not hear of it.
    func rollBack(_ half: HalfMessage, completion: WriteCompletion) throws(Refusal) {
        let ops = try topic(opTopic)
        try withOp(half.fields.queueOffset) { op in
            Result { () throws(Refusal) in try writer.write(op, to: ops, queueId: 0, completion: completion) }
        }.get()
        markOrigin(of: half, ops)
    }

    /// Of a copy the first half message is done with as well, and so are all other copies.
    private func markOrigin(of half: HalfMessage, _ ops: LoopTopic) {
        guard half.isCopy else { return }
        _ = withOp(half.origin) { writer.write(mark: $0, to: ops, queueId: 0) }
    }

    private func withOp<Result>(_ halfOffset: Int64, _ body: (NewMessage) -> Result) -> Result {
        var text = String(halfOffset)
        return text.withUTF8 { text in
            opProperties.withUnsafeBytes { properties in
                var op = NewMessage(
                    body: UnsafeRawBufferPointer(text), properties: properties, bornTimestamp: loop.wallMilliseconds, bornHost: settings.storeHost)
                op.keepsWait = true
                return body(op)
            }
        }
    }

    private func topic(_ name: [UInt8]) throws(Refusal) -> LoopTopic {
        if let topic = name.withBytes({ routes.topic($0) }) { return topic }
        broker.addTransactionTopics()
        guard let topic = name.withBytes({ routes.topic($0) }) else { throw .unknownTopic(String(decoding: name, as: UTF8.self)) }
        return topic
    }
}

extension BrokerState {
    /// Makes the topics of half messages and op records, unless they are there.
    func addTransactionTopics() {
        for name in [SystemTopic.transactionHalf, SystemTopic.transactionOperations] { addOwnTopic(name) }
    }

    /// Makes a topic of one queue that only the broker writes to, unless it is there.
    func addOwnTopic(_ name: String) {
        guard topics[name] == nil else { return }
        _ = addTopic(TopicConfig(topicName: name, readQueueCount: 1, writeQueueCount: 1), for: "transactions")
    }
}
