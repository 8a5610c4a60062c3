import RMQCommon
import RMQRemoting
import RMQStore

/// Queues that a slave's log has messages of, and of which its table of topics knows nothing. A value of ``ReplicationState``.
///
/// A message of such a queue is a reason to ask for the master's table, but not again when that did not have it: a topic may have been deleted
/// there, or a message have entered a queue that belongs to none.
struct UnknownTopics {
    /// Topics that are made within a second, by far.
    static let limit = 1_000

    /// How many queues each has at least, of those that were not asked about yet.
    private(set) var queueCounts: [ByteText: Int32] = [:]
    /// The same of those that the master's table did not have.
    private var missing: [ByteText: Int32] = [:]

    /// A message of that queue came.
    /// - Returns: whether the master's table may have it. With too many that it does not have, none is asked for out of turn.
    mutating func add(_ topic: String, queueId: Int32) -> Bool {
        guard queueId >= 0, queueId < TopicLimit.queues, !LightQueue.isLight(topic), missing.count < Self.limit else { return false }
        let count = queueId + 1
        if let inVain = missing[topic], inVain >= count { return false }
        if queueCounts[topic] != nil || queueCounts.count < Self.limit { queueCounts[topic] = max(queueCounts[topic] ?? 0, count) }
        return true
    }

    /// A table was copied that was asked for when these were known.
    mutating func remove(_ asked: Self, in table: TopicConfigTable) {
        for (topic, count) in asked.queueCounts where queueCounts[topic] == count { queueCounts[topic] = nil }
        missing = missing.merging(asked.queueCounts) { max($0, $1) }.filter { topic, count in
            table.topics[topic].map { max($0.readQueueCount, $0.writeQueueCount) < count } ?? true
        }
    }
}

extension BrokerState {
    /// Makes the topics, and the further queues of topics, that have messages and are in no table that was copied: the old master cannot be
    /// asked any more, and what it acknowledged would be out of reach. Does nothing at a broker that was no slave. Blocks.
    ///
    ///     log  ░░░░░░░░░░░░░░░░░░░│░░░░░░░░░░
    ///          a queue that ends  │ a queue that goes on: its topic was made, or became wider, after the table was asked for
    ///          here and is in no  ^ the log's end at that time (``EpochTable/topicsOffset``)
    ///          table was deleted at the master
    func makeUnknownTopics() {
        guard let known = replication.epochs.topicsOffset else { return }
        var counts: [ByteText: Int32] = [:]
        for queue in store.queuesGoingOn(behind: known) where isUnknown(queue) {
            counts[queue.topic] = max(counts[queue.topic] ?? 0, queue.queueId + 1)
        }
        for (topic, count) in counts where topics.widen(topic.text, to: count) {
            logger.warning("the old master's settings of topic \(topic.text) did not come in time; it has \(count) queues now, since that many have messages")
        }
        do {
            if !counts.isEmpty { try files.write(.topics, orTell: "what was made of topics") }
            try replication.epochs.setTopicsOffset { _ in nil }
        } catch {
            logger.error("\(error)")
        }
    }

    private func isUnknown(_ queue: ConsumeQueue) -> Bool {
        let name = queue.topic
        guard queue.queueId < TopicLimit.queues, !LightQueue.isLight(name), !SystemTopic.isSystem(name), !topics.systemTopics.contains(name),
            queue.queueId >= topics[name]?.queueCount ?? 0
        else { return false }
        // A message may enter queues beside its own, which need no topic.
        guard let newest = store.physicalOffset(queue, offset: queue.maxOffset - 1), let record = store.record(at: newest),
            let message = try? MessageRecord.decodeAll([UInt8](record.bytes), decompressing: false).first
        else { return true }
        return message.topic.isExactly(name)
    }
}
