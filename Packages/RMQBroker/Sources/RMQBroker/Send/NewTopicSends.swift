/// Sends of one loop to topics that were made for them a moment ago, answered once topics.json holds the topic: a message
/// that is acknowledged must not be in a topic that a crash forgets. On the loop's thread only.
struct NewTopicSends {
    struct Waiting {
        let send: StoredSend
        let topic: TopicEntry
        /// Where its records end in the log, if the store's promise has to be waited for as well.
        let promisedEnd: Int64?
    }

    /// A write takes milliseconds. More sends than this in that time are answered at once.
    private static let limit = 65_536
    private var waiting: [Waiting] = []

    /// - Returns: false when too many wait already.
    mutating func add(_ send: Waiting) -> Bool {
        guard waiting.count < Self.limit else { return false }
        waiting.append(send)
        return true
    }

    /// Removes and returns, oldest first, the sends whose topics are saved.
    mutating func takeSaved() -> [Waiting] {
        var saved: [Waiting] = []
        waiting.removeAll { send in
            guard send.topic.isSaved else { return false }
            saved.append(send)
            return true
        }
        return saved
    }
}
