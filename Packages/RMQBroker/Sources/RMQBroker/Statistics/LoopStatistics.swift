import RMQCommon
import RMQStore

/// What one loop counts: a few plain additions for each send and pull. On the loop's thread only.
final class LoopStatistics {
    /// Messages, and their bytes: the numbers and the sizes of one item. An object, which is passed on by one reference.
    final class Parts {
        private let numbers, sizes: Summary.Part

        init(_ sums: (numbers: Summary, sizes: Summary), of loop: Int) {
            numbers = sums.numbers.part(loop)
            sizes = sums.sizes.part(loop)
        }

        @inline(__always)
        func add(_ messageCount: Int, byteCount: Int) {
            numbers.add(messageCount)
            sizes.add(byteCount)
        }
    }

    /// What a loop counts of messages that are sent delayed with one level.
    private struct Delayed {
        let topic: Parts
        let queue: Parts?
    }

    let shared: BrokerStatistics
    let loop: Int
    /// Whether it is kept how far groups are behind.
    var keepsFalls: Bool
    /// Sends that wait for being durable.
    let waitingSends = WaitingSends()
    private let allPuts, allGets: Summary.Part
    private let levelCount: Int
    private var lastSendBacks: (topic: String, group: String, count: Summary.Part)?
    private lazy var delayed = [Delayed?](repeating: nil, count: levelCount)

    /// - Parameters:
    ///   - loop: a number that no other loop has.
    ///   - levelCount: how many delay levels there are.
    init(_ shared: BrokerStatistics, loop: Int, levelCount: Int, keepsFalls: Bool) {
        self.shared = shared
        self.loop = loop
        self.levelCount = levelCount
        self.keepsFalls = keepsFalls
        allPuts = shared.allPuts.part(loop)
        allGets = shared.allGets.part(loop)
        shared.add(waitingSends)
    }

    func puts(topic: String) -> Parts { Parts(shared.puts(topic: topic), of: loop) }

    /// A producer sent this, and it is in the log.
    /// - Parameter delayLevel: where it waits then; 0 or below for none.
    func countSend(to topic: LoopTopic, delayLevel: Int32, _ result: AppendResult) {
        allPuts.add(result.messageCount)
        if delayLevel > 0 {
            let delayed = delayed(level: min(Int(delayLevel), levelCount))
            delayed.topic.add(result.messageCount, byteCount: result.byteCount)
            delayed.queue?.add(result.messageCount, byteCount: result.byteCount)
        } else {
            topic.puts.add(result.messageCount, byteCount: result.byteCount)
        }
    }

    /// A consumer sent a message of `topic` back.
    /// - Parameter delayed: the level at which it waits for being consumed again, and the size of its record; nil for a dead letter.
    func countSendBack(topic: String, group: String, delayed: (level: Int, byteCount: Int)?) {
        sendBacks(topic: topic, group: group).add(1)
        guard let delayed else { return }
        let waiting = self.delayed(level: min(delayed.level, levelCount))
        waiting.topic.add(1, byteCount: delayed.byteCount)
        waiting.queue?.add(1, byteCount: delayed.byteCount)
    }

    /// A group that fails sends back one message after the other.
    private func sendBacks(topic: String, group: String) -> Summary.Part {
        if let last = lastSendBacks, last.topic.isExactly(topic), last.group.isExactly(group) { return last.count }
        let count = shared.sendBacks(topic: topic, group: group).part(loop)
        lastSendBacks = (topic, group, count)
        return count
    }

    func countPulled(_ messageCount: Int) { allGets.add(messageCount) }

    private func delayed(level: Int) -> Delayed {
        if let known = delayed[level - 1] { return known }
        let made = Delayed(topic: puts(topic: SystemTopic.schedule), queue: shared.delayedPuts(level: level).map { Parts($0, of: loop) })
        delayed[level - 1] = made
        return made
    }
}
