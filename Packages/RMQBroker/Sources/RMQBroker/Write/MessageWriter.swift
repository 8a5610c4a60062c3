import RMQCommon
import RMQRemoting
import RMQStore

/// The one way of a message into the store, whoever wrote it and however that is answered. One a loop, on its thread only.
///
///     write ─► what can be kept? ─► queue ─► record in staging memory ─┐    once for each message
///     completion ◄─ durable ◄─ append of all ◄─────────────────────────┘    once for each wake-up
///
/// Without allocation once the topic is known. The messages of a wake-up are appended at its end together
/// (``StagedMessages``), earlier only when the staging memory is full. A completion comes when the message's topic is written
/// down (``NewTopicWrites``) and the message is as durable as was asked for (``DurabilityWaits``).
///
/// Other threads write by posting to a loop (``LoopSet``).
final class MessageWriter {
    private let settings: LoopSettings
    private let loop: EventLoop
    private let store: MessageStore
    private let arrivals: Arrivals
    private let answers: WriteAnswers
    private let statistics: LoopStatistics
    private let propertyScratch = PropertyScratch()
    /// Messages of this wake-up that are not in the log yet.
    private let staged: StagedMessages
    private let durability: DurabilityWaits
    private var newTopicWrites = NewTopicWrites()
    private var randomState = UInt64.random(in: 1 ... .max)

    init(
        loopIndex: Int, loop: EventLoop, broker: BrokerState, settings: LoopSettings, arrivals: Arrivals, answers: WriteAnswers,
        statistics: LoopStatistics
    ) {
        self.loop = loop
        self.settings = settings
        self.statistics = statistics
        self.arrivals = arrivals
        store = broker.store
        self.answers = answers
        staged = StagedMessages(store: broker.store, maxMessageBytes: settings.configuration.store.maxMessageBytes)
        durability = DurabilityWaits(
            loopIndex: loopIndex, loop: loop, store: broker.store, loops: broker.loops, answers: answers, waiting: statistics.waitingSends)
    }

    /// Follows the settings of its loop.
    func settingsChanged() { staged.batch.encoder.maxMessageBytes = settings.configuration.store.maxMessageBytes }

    /// A queue of `topic` for a message whose producer named `queueId`: that one, or any when it is negative.
    func chosenQueue(_ queueId: Int32, of topic: LoopTopic) -> Int32 { queueId >= 0 ? queueId : randomQueueId(below: topic.config.writeQueueCount) }

    /// Takes a message for `topic`.
    /// - Parameters:
    ///   - queueId: one of the topic's; a negative one lets the writer choose.
    ///   - told: the queue that `completion` hears of, when the message stands there for one that is meant for another.
    /// - Throws: why it cannot be stored; `completion` does not hear of that.
    func write(
        _ message: NewMessage, to topic: LoopTopic, queueId: Int32, telling told: Int32? = nil, completion: WriteCompletion
    ) throws(Refusal) {
        try check(message)
        let waits = durability.areNeeded && message.received.waitsForDurability && completion.isHeard
        if waits, durability.areFull {
            throw Refusal(
                .systemBusy,
                "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while: \(DurabilityWaits.limit) messages of this event loop wait for the disk or a replica, the limit")
        }
        let queueId = chosenQueue(queueId, of: topic)
        let queue = topic.queue(queueId)
        // The elements of a batch body may be many, so they get the staging memory for themselves.
        if message.isBatch || !staged.batch.hasRoom(forBody: message.body.count) { appendEarly() }
        do {
            try staged.stage(
                encode(message, topic, queue),
                for: StagedMessages.Message(
                    topic: topic, queue: queue, queueId: told ?? queueId, delayLevel: message.delayLevel, isSent: message.isSent, waits: waits,
                    completion: completion))
        } catch {
            throw Refusal(error)
        }
        if message.isBatch { appendEarly() }
    }

    /// Takes a message that may only be stored if the one taken right before it is: it says that something is done, and that one does
    /// it. They are written in one call if they fit, so that a crash hardly comes between them.
    ///
    /// Why it cannot be stored is not told: then it is only not known that the thing is done.
    /// - Returns: whether it is taken. If not, no further mark of the same thing may follow it: the message itself may not be stored.
    @discardableResult
    func write(mark: NewMessage, to topic: LoopTopic, queueId: Int32) -> Bool {
        if !staged.batch.hasRoom(forBody: mark.body.count), !appendEarly() { return false }
        let queue = topic.queue(queueId)
        do throws(StoreError) {
            var draft = try encode(mark, topic, queue)
            draft.needsPrevious = true
            try staged.stage(
                draft,
                for: StagedMessages.Message(
                    topic: topic, queue: queue, queueId: queueId, delayLevel: 0, isSent: false, waits: false, completion: .none))
            return true
        } catch {
            return false
        }
    }

    /// Appends what is staged, and tells those who need not wait. At the end of each wake-up.
    func wakeUpEnded() {
        appendStaged()
        durability.completeConfirmed()
    }

    /// Whether messages wait for the end of a wake-up.
    var isStaging: Bool { !staged.isEmpty }

    /// Topics were written down: tells those who waited for that, or lets them wait for the store.
    func topicsSaved() {
        for waiting in newTopicWrites.takeSaved() {
            if let end = waiting.durableEnd {
                durability.add(waiting.written, waiting.completion, end: end)
            } else {
                // After a change of role another master's message may be at its place.
                let isCurrent = waiting.written.result.epoch == store.epoch
                answers.tell(waiting.completion, isCurrent ? .stored(waiting.written, .ok) : .failed(Refusal(.roleChanged)))
            }
        }
        durability.completeConfirmed()
    }

    /// The store has confirmed more.
    func storeConfirmed() { durability.completeConfirmed() }

    // MARK: Steps

    /// What could never be delivered as it asks is refused, not stored.
    private func check(_ message: NewMessage) throws(Refusal) {
        if let delay = message.received.malformedDelay {
            throw Refusal(.systemError, "property DELAY is \"\(String(decoding: delay.prefix(64), as: UTF8.self))\", not a 32-bit integer")
        }
        if message.isBatch, message.delayLevel > 0 {
            throw Refusal(.messageIllegal, "a batch cannot be delayed (property DELAY=\(message.delayLevel)); send its messages one by one")
        }
    }

    private func encode(_ message: NewMessage, _ topic: LoopTopic, _ queue: BrokerQueue) throws(StoreError) -> RecordDraft {
        try store.checkAccepting()
        var attributes = RecordAttributes(bornTimestamp: message.bornTimestamp, bornHost: message.bornHost, storeHost: message.storeHost ?? settings.storeHost)
        attributes.flag = message.flag
        attributes.systemFlag = message.systemFlag
        attributes.reconsumeTimes = message.reconsumeTimes
        attributes.preparedTransactionOffset = message.preparedTransactionOffset
        if topic.config.filterType == .multiTag { attributes.systemFlag |= SystemFlag.multiTags.rawValue }
        if message.delayLevel > 0 {
            return try store.encodeDelayed(
                level: Int(message.delayLevel), for: queue.stored, attributes: attributes, body: message.body,
                properties: message.properties, addedProperties: message.addedProperties, with: staged.batch.encoder)
        }
        let properties = message.keepsWait ? message.properties : message.received.stored(message.properties, scratch: propertyScratch)
        if message.isBatch { return try encodeBatch(message, queue, attributes, properties) }
        return try staged.batch.encoder.encode(
            queue: queue.stored, attributes: attributes, body: message.body, properties: properties, addedProperties: message.addedProperties,
            tagCode: message.received.tags.map { Int64(JavaString.hash(utf8: $0)) } ?? 0)
    }

    private func encodeBatch(
        _ message: NewMessage, _ queue: BrokerQueue, _ attributes: RecordAttributes, _ properties: UnsafeRawBufferPointer
    ) throws(StoreError) -> RecordDraft {
        // What the batch states for all its messages comes after each one's own, so it wins.
        let shared = [UInt8](properties) + (PropertyText.isOpen(properties) ? [PropertyText.pairEnd] : []) + [UInt8](message.addedProperties)
        return try shared.withBytes { (shared) throws(StoreError) in
            try staged.batch.encoder.encodeBatch(queue: queue.stored, attributes: attributes, elements: message.body, addedProperties: shared)
        }
    }

    /// What the loop reads after it may have waited for it.
    /// - Returns: as ``appendStaged()``.
    @discardableResult
    private func appendEarly() -> Bool {
        guard isStaging else { return true }
        defer { loop.noteDelay() }
        return appendStaged()
    }

    /// - Returns: whether the last one that was staged is stored.
    @discardableResult
    private func appendStaged() -> Bool {
        if isStaging, settings.patience.isLimited, let busy = store.pageCacheBusy {
            let count = staged.count
            staged.drop { message in
                answers.tell(
                    message.completion,
                    .failed(
                        Refusal(.systemBusy, "[PCBUSY_CLEAN_QUEUE]broker busy, start flow control for a while, size of queue: \(count): \(busy)")))
            }
            return false
        }
        var isStored = false
        staged.append { message, outcome in
            if case .success = outcome { isStored = true } else { isStored = false }
            appended(message, outcome)
        }
        return isStored
    }

    /// Tells those who wait for messages that there is one, and the producer, or lets the producer wait.
    private func appended(_ message: StagedMessages.Message, _ outcome: Result<AppendResult, StoreError>) {
        let result: AppendResult
        switch outcome {
        case .success(let stored): result = stored
        case .failure(let error): return answers.tell(message.completion, .failed(Refusal(error)))
        }
        if message.delayLevel <= 0 { arrivals.add(message.queue) }
        if message.isSent { statistics.countSend(to: message.topic, delayLevel: message.delayLevel, result) }
        guard message.completion.isHeard else { return }
        let written = WrittenMessage(queueId: message.queueId, result: result)
        if !message.topic.isSaved {
            let waiting = NewTopicWrites.Waiting(
                written: written, completion: message.completion, topic: message.topic.entry, durableEnd: message.waits ? result.end : nil)
            if newTopicWrites.add(waiting) { return }
        }
        if message.waits { return durability.add(written, message.completion, end: result.end) }
        answers.tell(message.completion, .stored(written, .ok))
    }

    /// A number that spreads messages over queues; nothing depends on its being unpredictable.
    func randomQueueId(below bound: Int32) -> Int32 {
        randomState ^= randomState << 13
        randomState ^= randomState >> 7
        randomState ^= randomState << 17
        return Int32(truncatingIfNeeded: randomState % UInt64(max(bound, 1)))
    }
}

extension Refusal {
    /// The one place where an error of the store becomes an answer.
    init(_ error: StoreError) {
        if case .pageCacheBusy = error {
            self.init(.systemBusy, "[REJECTREQUEST]system busy, start flow control for a while: \(error)")
        } else {
            self.init(error.appendStatus.responseCode, "\(error)")
        }
    }
}

extension AppendStatus {
    var responseCode: ResponseCode {
        switch self {
        case .ok: .success
        case .flushDiskTimeout: .flushDiskTimeout
        case .flushReplicaTimeout: .flushSlaveTimeout
        case .replicaNotAvailable: .slaveNotAvailable
        case .messageIllegal, .propertiesSizeExceeded: .messageIllegal
        case .serviceNotAvailable: .serviceNotAvailable
        case .createSegmentFailed, .pageCacheBusy, .tooManyLightQueues, .unknownError: .systemError
        }
    }
}
