import RMQCommon
import RMQStore

/// What one loop counts of the pulls of one group from one topic. Made with the first message that it gets.
final class PullStatistics {
    private struct Queue {
        let latency: Summary.Part
        /// Made when it is first kept how far the group is behind.
        var falls: (size: Gauge, time: Gauge)?
    }

    private let statistics: LoopStatistics
    private let topic: String
    private let group: String
    private lazy var gets = LoopStatistics.Parts(statistics.shared.gets(topic: topic, group: group), of: statistics.loop)
    /// By queue id, of which a topic has a bounded number.
    private var queues: [Queue?] = []

    init(_ statistics: LoopStatistics, topic: String, group: String) {
        self.statistics = statistics
        self.topic = topic
        self.group = group
    }

    /// A pull is answered with what was read, which may be that no message matched.
    /// - Parameters:
    ///   - diskWait: how long it waited for the disk; nil when it did not.
    ///   - now: milliseconds since 1970.
    func count(_ result: borrowing ReadResult, queueId: Int32, diskWait: Duration?, now: Int64) {
        if let diskWait { statistics.shared.diskWaits.record(diskWait.milliseconds) }
        let keepsFall = statistics.keepsFalls && result.bytesBehind > 0
        guard result.messageCount > 0 || keepsFall else { return }
        let id = Int(queueId)
        if result.messageCount > 0 {
            gets.add(result.messageCount, byteCount: result.byteCount)
            statistics.countPulled(result.messageCount)
            queue(id).latency.add(Int(diskWait?.milliseconds ?? 0))
        }
        guard keepsFall else { return }
        let falls = falls(id)
        if result.messageCount > 0 { falls.time.set(max(0, now - result.lastStoreTimestamp)) }
        falls.size.set(result.bytesBehind)
    }

    private func queue(_ id: Int) -> Queue {
        if id < queues.count, let known = queues[id] { return known }
        while queues.count <= id { queues.append(nil) }
        let made = Queue(latency: statistics.shared.latencies(queueId: Int32(id), topic: topic, group: group).part(statistics.loop))
        queues[id] = made
        return made
    }

    private func falls(_ id: Int) -> (size: Gauge, time: Gauge) {
        var queue = queue(id)
        if let known = queue.falls { return known }
        let made = statistics.shared.falls(queueId: Int32(id), topic: topic, group: group)
        queue.falls = made
        queues[id] = queue
        return made
    }
}
