import RMQCommon

/// Finds the queues that records of the log belong to: each one's own, and further ones that its properties name.
struct RecordQueues {
    private let queues: QueueTable
    private let logger: Logger
    /// Whether messages may name further queues, and whether light ones among them have queue id 0.
    private let dispatchesToSeveral: Bool
    private let lightQueues: Bool
    /// Queues met so far, by fingerprint of name and id: saves making a `String` per record.
    private var seen: [UInt64: ConsumeQueue] = [:]
    /// The queues that are found; nil: all of them.
    private var chosen: Set<ObjectIdentifier>?

    init(queues: QueueTable, configuration: StoreConfiguration, logger: Logger) {
        self.queues = queues
        self.logger = logger
        dispatchesToSeveral = configuration.dispatchesToSeveral
        lightQueues = configuration.lightQueues
    }

    /// From now on other queues are passed over; nil ends that.
    mutating func choose(_ queues: [ConsumeQueue]?) { chosen = queues.map { Set($0.map { ObjectIdentifier($0) }) } }

    /// The queue that a record was sent to; nil when it is passed over, or cannot be stored under its name.
    mutating func own(of record: CheckedRecord, _ held: borrowing AppendState) -> ConsumeQueue? {
        let fingerprint = QueueKey.fingerprint(topic: record.topic, queueId: record.queueId)
        if let queue = seen[fingerprint], queue.queueId == record.queueId, !queue.isRetired(held), record.topic.elementsEqual(queue.topicBytes) {
            return isChosen(queue) ? queue : nil
        }
        guard record.queueId >= 0, record.queueOffset >= 0, StoreFiles.isSafeName([UInt8](record.topic)) else {
            logger.warning("the record at \(record.physicalOffset) names a queue that cannot be stored")
            return nil
        }
        let topic = String(decoding: record.topic, as: UTF8.self)
        let queue = queue(QueueKey(topic: topic, queueId: record.queueId))
        if let queue { seen[fingerprint] = queue }
        return queue
    }

    /// The other queues that a record names, with its offset in each.
    func further(of record: CheckedRecord) -> [(queue: ConsumeQueue, offset: Int64)] {
        guard dispatchesToSeveral else { return [] }
        let names = FurtherQueues.names(in: record.properties)
        guard !names.isEmpty, let offsets = FurtherQueues.offsets(in: record.properties, count: names.count) else { return [] }
        return zip(names, offsets).compactMap { name, offset in
            guard StoreFiles.isSafeName([UInt8](name.utf8)) else { return nil }
            return queue(FurtherQueues.key(name, queueId: record.queueId, lightQueues: lightQueues)).map { ($0, offset) }
        }
    }

    private func queue(_ key: QueueKey) -> ConsumeQueue? {
        guard chosen != nil else { return queues.findOrAdd(key) }
        return queues.find(key).flatMap { isChosen($0) ? $0 : nil }
    }

    private func isChosen(_ queue: ConsumeQueue) -> Bool { chosen?.contains(ObjectIdentifier(queue)) ?? true }
}
