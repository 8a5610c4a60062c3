import RMQCommon

/// Queues that a slave's log has messages of, and of which its table of topics knows nothing yet. A value of ``ReplicationState``.
///
/// The log is ahead of the table: between a new topic's first message and the next copy of the master's table a slave may become the
/// master, and messages that were acknowledged would be in no topic.
struct UnknownTopics {
    /// Topics that are made within a second, by far.
    static let limit = 1_000

    /// How many queues each has at least.
    private(set) var queueCounts: [ByteText: Int32] = [:]

    /// A message of that queue came.
    mutating func add(_ topic: String, queueId: Int32) {
        guard queueId >= 0, queueId < TopicLimit.queues else { return }
        guard let known = queueCounts[topic] else {
            if queueCounts.count < Self.limit { queueCounts[topic] = queueId + 1 }
            return
        }
        queueCounts[topic] = max(known, queueId + 1)
    }

    /// A table was copied that was asked for when these were known: it has them now, or they were deleted there.
    mutating func remove(_ asked: Self) {
        for (topic, count) in asked.queueCounts where queueCounts[topic] == count { queueCounts[topic] = nil }
    }
}
