import RMQCommon
import RMQRemoting
import Synchronization

/// What the consumers of a client have done, by topic and group: the reference's statistics under their names.
///
///     a consumer ─► ConsumptionCounts ─► Summary ─► a sample every ten seconds ─► statistics(), the answer to 307, the log
final class ClientStatistics: Sendable {
    /// How often what was counted is written down.
    static let sampleInterval = Duration.seconds(10)

    /// All that is counted, for whoever shows numbers.
    let registry = MetricRegistry()
    private let consumed, failed, handlerTimes, pulled, pullTimes: StatisticsSet
    private var sets: [StatisticsSet] { [consumed, failed, handlerTimes, pulled, pullTimes] }

    private struct Item: Hashable {
        @ByteText var topic: String
        @ByteText var group: String
    }

    /// What was asked for once: consumers ask with each pull.
    private let known = Mutex<[Item: ConsumptionCounts]>([:])

    init() {
        let registry = registry
        func set(_ name: String, _ help: String, _ kind: StatisticsSet.Kind = .amounts) -> StatisticsSet {
            let family = registry.family("rocketmq_client_" + name.asciiLowercased, help, labels: ["topic", "group"]) { Summary() }
            return StatisticsSet(name, family, kind)
        }
        consumed = set("CONSUME_OK_TPS", "Messages that were consumed.")
        failed = set("CONSUME_FAILED_TPS", "Messages that handlers failed to consume.")
        handlerTimes = set("CONSUME_RT", "Milliseconds of handlers.", .times)
        pulled = set("PULL_TPS", "Messages that were pulled.")
        pullTimes = set("PULL_RT", "Milliseconds of pulls that found messages.", .times)
    }

    /// What one group counts of one topic. Takes a lock and looks up two names: once for each pull, not for each message.
    func counts(topic: String, group: String) -> ConsumptionCounts {
        known.withLock { known in
            let item = Item(topic: topic, group: group)
            if let found = known[item] { return found }
            let labels = [topic, group]
            let made = ConsumptionCounts(
                consumed: consumed.family.series(labels), failed: failed.family.series(labels), handlerTimes: handlerTimes.family.series(labels),
                pulled: pulled.family.series(labels), pullTimes: pullTimes.family.series(labels))
            known[item] = made
            return made
        }
    }

    /// Forgets what was counted for a group that this client has left.
    func forget(group: String) {
        known.withLock { known in known = known.filter { !$0.key.group.isExactly(group) } }
        for set in sets { set.family.removeAll { $0[1] == ByteText(group) } }
    }

    // MARK: Samples

    /// Takes samples until the task is cancelled, and tells each item to the log every minute, hour and day.
    func run(logger: Logger) async {
        var round = 0
        takeSample(round: round, now: .now)
        await every(Self.sampleInterval) {
            round += 1
            takeSample(round: round, now: .now)
            guard logger.isEnabled(.info) else { return }
            for line in lines(round: round) { logger.info(line) }
        }
    }

    /// - Parameter round: counts the samples; 0 for the first one.
    func takeSample(round: Int, now: MonotonicInstant) {
        let due = StatisticsSpan.allCases.filter { Self.isWhole(round, $0.period) }
        for set in sets { set.sample(due, now: now) }
    }

    /// What the log is told after a sample.
    func lines(round: Int) -> [String] {
        let ended: [(span: StatisticsSpan, length: Duration)] = [(.minute, .seconds(60)), (.hour, .seconds(3_600)), (.day, .seconds(86_400))]
        return ended.filter { Self.isWhole(round, $0.length) }.flatMap { ended in sets.flatMap { $0.lines(ended.span) } }
    }

    /// Whether so many samples are a multiple of `length`.
    private static func isWhole(_ round: Int, _ length: Duration) -> Bool { round % Int(length / sampleInterval) == 0 }

    // MARK: Reading

    /// What a group did with a topic in the last minute.
    func consumption(topic: String, group: String) -> ConsumptionStatistics {
        let labels = [topic, group]
        func minute(_ set: StatisticsSet) -> StatisticsSnapshot { set.snapshots(labels)?[0] ?? StatisticsSnapshot() }
        func hour(_ set: StatisticsSet) -> StatisticsSnapshot { set.snapshots(labels)?[1] ?? StatisticsSnapshot() }
        let handling = minute(handlerTimes).sum == 0 ? hour(handlerTimes) : minute(handlerTimes)
        return ConsumptionStatistics(
            pulledPerSecond: minute(pulled).perSecond, pullTime: .milliseconds(minute(pullTimes).average),
            consumedPerSecond: minute(consumed).perSecond, handlerTime: .milliseconds(handling.average),
            failedPerSecond: minute(failed).perSecond, failedInHour: hour(failed).sum)
    }
}

/// What one group counts of one topic: a few atomic additions for each pull and each run of a handler.
struct ConsumptionCounts: Sendable {
    fileprivate let consumed, failed, handlerTimes, pulled, pullTimes: Summary

    /// A pull brought messages.
    func countPull(_ messages: Int, elapsed: Duration) {
        pulled.add(messages)
        pullTimes.add(Int(elapsed.milliseconds))
    }

    /// The application took messages without a handler.
    func countPolled(_ messages: Int) { consumed.add(messages) }

    /// Handlers ran: so many times, so long in all, with so many messages in the end.
    func countHandled(succeeded: Int, failed: Int = 0, runs: Int = 1, elapsed: Duration) {
        guard runs > 0 else { return }
        if succeeded > 0 { consumed.add(succeeded, times: runs) }
        if failed > 0 { self.failed.add(failed, times: runs) }
        handlerTimes.add(Int(elapsed.milliseconds), times: runs)
    }
}

extension ConsumerRunningInfo.Status {
    init(_ statistics: ConsumptionStatistics) {
        self.init {
            $0.pullTime = statistics.pullTime / .milliseconds(1)
            $0.pulledPerSecond = statistics.pulledPerSecond
            $0.consumeTime = statistics.handlerTime / .milliseconds(1)
            $0.consumedPerSecond = statistics.consumedPerSecond
            $0.failedPerSecond = statistics.failedPerSecond
            $0.failedInHour = statistics.failedInHour
        }
    }
}
