import RMQCommon
import RMQRemoting
import RMQStore

/// A topic as a loop keeps it: its configuration, and its queues as far as they were used.
final class LoopTopic {
    let name: String
    let config: TopicConfig
    /// Why no client may send to it: only the broker itself does, or a group of any characters made it as its retry topic.
    let sendRefusal: Refusal?
    let retryGroup: String?
    let entry: TopicEntry
    /// Whether topics.json holds the topic, as last seen; ask ``isSaved``.
    private var wasSaved = false
    private let store: MessageStore
    private let statistics: LoopStatistics
    private var queues: [BrokerQueue?]
    /// What producers send to it.
    private(set) lazy var puts = statistics.puts(topic: name)

    init(_ entry: TopicEntry, store: MessageStore, statistics: LoopStatistics) {
        name = entry.config.topicName
        config = entry.config
        sendRefusal = .sending(to: name)
        retryGroup = RetryTopic.group(of: name)
        self.entry = entry
        self.store = store
        self.statistics = statistics
        queues = Array(repeating: nil, count: min(max(Int(entry.queueCount), 0), Int(TopicLimit.queues)))
    }

    /// Whether topics.json holds the topic. Once true it stays so, and costs nothing any more.
    var isSaved: Bool {
        if !wasSaved { wasSaved = entry.isSaved }
        return wasSaved
    }

    /// A queue that the topic's configuration allows.
    func queue(_ queueId: Int32) -> BrokerQueue {
        let index = Int(queueId)
        guard queues.indices.contains(index) else { return entry.queues.queue(queueId, of: name, in: store) }
        if let queue = queues[index] { return queue }
        let queue = entry.queues.queue(queueId, of: name, in: store)
        queues[index] = queue
        return queue
    }
}
