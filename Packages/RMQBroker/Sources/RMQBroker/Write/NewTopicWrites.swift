/// Messages of one loop in topics that were made for them a moment ago, acknowledged once topics.json holds the topic: a message
/// that is acknowledged must not be in a topic that a crash forgets. On the loop's thread only.
struct NewTopicWrites {
    struct Waiting {
        let written: WrittenMessage
        let completion: WriteCompletion
        let topic: TopicEntry
        /// Where it ends in the log, if the disk or replicas have to be waited for as well.
        let durableEnd: Int64?
    }

    /// A write takes milliseconds. More messages than this in that time are acknowledged at once.
    private static let limit = 65_536
    private var waiting: [Waiting] = []

    /// - Returns: false when too many wait already.
    mutating func add(_ message: Waiting) -> Bool {
        guard waiting.count < Self.limit else { return false }
        waiting.append(message)
        return true
    }

    /// Removes and returns, oldest first, those whose topics are saved.
    mutating func takeSaved() -> [Waiting] {
        var saved: [Waiting] = []
        waiting.removeAll { message in
            guard message.topic.isSaved else { return false }
            saved.append(message)
            return true
        }
        return saved
    }
}
