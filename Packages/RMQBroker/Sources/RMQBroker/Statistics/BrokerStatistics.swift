import RMQCommon
import RMQStore
import Synchronization

/// What is counted of a broker's work: the reference's statistics by their names, and what the store had done at some moments.
///
/// Loops count in parts of their own (``LoopStatistics``), other threads here. The numbers are those of ``registry``; samples of
/// them are taken every ten seconds.
final class BrokerStatistics: Sendable {
    static let sampleInterval: Duration = .seconds(10)

    let registry = MetricRegistry()
    let rates = RateSamples()

    /// Messages and bytes that producers sent, by topic.
    let topicPutNumbers, topicPutSizes: StatisticsSet
    /// Messages and bytes that were sent delayed, by queue of the schedule topic.
    let queuePutNumbers, queuePutSizes: StatisticsSet
    /// Messages and bytes that were delivered from those queues.
    let queueGetNumbers, queueGetSizes: StatisticsSet
    /// Messages and bytes that groups pulled, by topic and group.
    let groupGetNumbers, groupGetSizes: StatisticsSet
    /// Milliseconds that pulls took which got something, by queue, topic and group.
    let groupGetLatencies: StatisticsSet
    /// Messages that consumers sent back, by topic and group.
    let sendBacks: StatisticsSet
    /// Messages that producers sent, and that groups pulled, of all topics.
    let brokerPuts, brokerGets: StatisticsSet
    /// How far a group was behind the end of the log at its last pull of a queue, in bytes and in milliseconds.
    let fallSizes, fallTimes: MomentSet

    /// Milliseconds that pulls waited for the disk.
    let diskWaits: BucketHistogram

    private let sets: [StatisticsSet]
    private let cluster: String
    private let countsQueues: Bool
    private let collapsesLightNames: Bool
    private let store: MessageStore
    private let logger: Logger
    private let clocks: Clocks
    /// Of each loop.
    private let sendsOfLoops = Mutex<[WaitingSends]>([])
    private let due = Mutex<[MonotonicInstant?]>(StatisticsSpan.allCases.map { _ in nil })

    init(configuration: BrokerConfiguration, store: MessageStore, logger: Logger, clocks: Clocks) {
        let registry = registry
        func set(_ name: String, _ help: String, _ labels: [String], _ kind: StatisticsSet.Kind = .amounts) -> StatisticsSet {
            StatisticsSet(name, registry.family("rocketmq_" + name.asciiLowercased, help, labels: labels) { Summary() }, kind)
        }
        func moments(_ name: String, _ help: String) -> MomentSet {
            MomentSet(name, registry.family("rocketmq_" + name.asciiLowercased, help, labels: ["queue", "topic", "group"]) { Gauge() })
        }
        countsQueues = configuration.detailedStatistics
        topicPutNumbers = set("TOPIC_PUT_NUMS", "Messages that producers sent.", ["topic"])
        topicPutSizes = set("TOPIC_PUT_SIZE", "Bytes of messages that producers sent.", ["topic"])
        queuePutNumbers = set("QUEUE_PUT_NUMS", "Messages that were sent delayed.", ["topic", "queue"])
        queuePutSizes = set("QUEUE_PUT_SIZE", "Bytes of messages that were sent delayed.", ["topic", "queue"])
        queueGetNumbers = set("QUEUE_GET_NUMS", "Delayed messages that were delivered.", ["topic", "queue", "group"])
        queueGetSizes = set("QUEUE_GET_SIZE", "Bytes of delayed messages that were delivered.", ["topic", "queue", "group"])
        groupGetNumbers = set("GROUP_GET_NUMS", "Messages that groups pulled.", ["topic", "group"])
        groupGetSizes = set("GROUP_GET_SIZE", "Bytes of messages that groups pulled.", ["topic", "group"])
        groupGetLatencies = set(
            "GROUP_GET_LATENCY", "Milliseconds of pulls that got messages.", countsQueues ? ["queue", "topic", "group"] : ["topic", "group"], .times)
        sendBacks = set("SNDBCK_PUT_NUMS", "Messages that consumers sent back.", ["topic", "group"])
        brokerPuts = set("BROKER_PUT_NUMS", "Messages that producers sent, of all topics.", ["cluster"], .totals)
        brokerGets = set("BROKER_GET_NUMS", "Messages that groups pulled, of all topics.", ["cluster"], .totals)
        fallSizes = moments("GROUP_GET_FALL_SIZE", "Bytes from the last pulled message to the end of the log.")
        fallTimes = moments("GROUP_GET_FALL_TIME", "Age of the last pulled message in milliseconds.")
        diskWaits = registry.family("rocketmq_pull_disk_wait_ms", "Milliseconds that pulls waited for the disk.") {
            BucketHistogram(bounds: [1, 5, 10, 50, 100, 500, 1_000, 5_000])
        }.series([])
        sets = [
            topicPutNumbers, topicPutSizes, queuePutNumbers, queuePutSizes, queueGetNumbers, queueGetSizes, groupGetNumbers, groupGetSizes,
            groupGetLatencies, sendBacks, brokerPuts, brokerGets,
        ]
        cluster = configuration.brokerClusterName
        collapsesLightNames = configuration.store.lightQueues
        self.store = store
        self.logger = logger
        self.clocks = clocks
    }

    // MARK: Counting

    /// What stands for a topic or a group: light ones are many, and count together.
    private func name(_ name: String) -> String { collapsesLightNames && LightQueue.isLight(name) ? LightQueue.prefix : name }

    func puts(topic: String) -> (numbers: Summary, sizes: Summary) {
        (topicPutNumbers.family.series([topic]), topicPutSizes.family.series([topic]))
    }

    /// What is sent delayed; nil when queues are not counted.
    func delayedPuts(level: Int) -> (numbers: Summary, sizes: Summary)? {
        guard countsQueues else { return nil }
        let labels = [SystemTopic.schedule, String(level - 1)]
        return (queuePutNumbers.family.series(labels), queuePutSizes.family.series(labels))
    }

    func gets(topic: String, group: String) -> (numbers: Summary, sizes: Summary) {
        let labels = [name(topic), name(group)]
        return (groupGetNumbers.family.series(labels), groupGetSizes.family.series(labels))
    }

    func latencies(queueId: Int32, topic: String, group: String) -> Summary {
        let labels = [name(topic), name(group)]
        return groupGetLatencies.family.series(countsQueues ? [String(queueId)] + labels : labels)
    }

    func falls(queueId: Int32, topic: String, group: String) -> (size: Gauge, time: Gauge) {
        let labels = [String(queueId), name(topic), name(group)]
        return (fallSizes.family.series(labels), fallTimes.family.series(labels))
    }

    var allPuts: Summary { brokerPuts.family.series([cluster]) }
    var allGets: Summary { brokerGets.family.series([cluster]) }

    /// What consumers of the group send back of the topic.
    func sendBacks(topic: String, group: String) -> Summary { sendBacks.family.series([name(topic), name(group)]) }

    /// The schedule consumed messages of its topic, and sent them to theirs. On the schedule's thread.
    func count(_ delivery: DelayedDelivery) {
        func add(_ sums: (numbers: Summary, sizes: Summary)) {
            sums.numbers.add(delivery.messageCount, times: delivery.messageCount)
            sums.sizes.add(delivery.byteCount, times: delivery.messageCount)
        }
        if countsQueues {
            let labels = [SystemTopic.schedule, String(delivery.level - 1), SystemGroup.schedule]
            add((queueGetNumbers.family.series(labels), queueGetSizes.family.series(labels)))
        }
        add(gets(topic: SystemTopic.schedule, group: SystemGroup.schedule))
        add(puts(topic: delivery.topic))
        allPuts.add(delivery.messageCount, times: delivery.messageCount)
    }

    // MARK: Reading

    /// To be called every ``sampleInterval``.
    func takeSample() {
        let now = clocks.monotonic.now()
        let spans = due.withLock { due in
            StatisticsSpan.allCases.enumerated().filter { index, span in
                if let next = due[index], now < next { return false }
                // A little early, or a timer that is late once would be late for ever.
                due[index] = now + (span == .minute ? .zero : span.period - Self.sampleInterval / 2)
                return true
            }.map(\.element)
        }
        for set in sets { set.sample(spans, now: now) }
        if let yesterday = rates.add(store.statistics, now: now, day: CalendarTime.dayNumber(of: clocks.wall.now())) {
            logger.info("yesterday put message total: \(yesterday.put)")
            logger.info("yesterday get message total: \(yesterday.get)")
        }
    }

    /// Messages a second in the last minute, and what the last whole minute's appends took, as the reference's store tells them.
    var storeLines: [String] {
        let statistics = store.statistics
        let now = clocks.monotonic.now()
        func rate(_ value: (StoreStatistics) -> Int) -> String { "\(rates.perSecond(value, seconds: 60, statistics, now: now) ?? 0)" }
        let tps = "[STORETPS] put_tps \(rate(\.appendedMessages)) get_found_tps \(rate(\.foundReads)) get_miss_tps \(rate(\.missedReads)) "
            + "get_transfered_tps \(rate(\.readMessages))"
        guard let times = statistics.appendTimes else { return [tps] }
        return [tps, "[PAGECACHERT] TotalPut \(times.coarse.reduce(0, +)), PutMessageDistributeTime \(times.text)"]
    }

    /// Sends that wait for the disk or for replicas, of all loops.
    func waitingSends(now: MonotonicInstant) -> WaterMark.Queue {
        sendsOfLoops.withLock { $0 }.map { $0.queue(now: now) }.reduce(WaterMark.Queue()) { sum, queue in
            WaterMark.Queue(count: sum.count + queue.count, headWait: max(sum.headWait, queue.headWait))
        }
    }

    /// Hears of a loop that begins.
    func add(_ waiting: WaitingSends) { sendsOfLoops.withLock { $0.append(waiting) } }

    /// Messages a second that a group pulled of a topic, over the last minute.
    func pullsPerSecond(group: String, topic: String) -> Double {
        groupGetNumbers.snapshots([name(topic), name(group)])?[0].perSecond ?? 0
    }

    /// What was counted in the last minute, hour and day of an item; nil when there is none of that name and key.
    func snapshots(name: String, key: String) -> [StatisticsSnapshot]? {
        sets.first { $0.name.isExactly(name) }?.snapshots(key: key)
    }

    /// Every item, as the log shows it.
    func lines(_ span: StatisticsSpan) -> [String] { sets.flatMap { $0.lines(span) } }

    /// How far groups are behind, as the log shows it.
    var momentLines: [String] { fallSizes.lines + fallTimes.lines }

    // MARK: Forgetting

    func forgetTopic(_ topic: String) { forget("topic", topic) }

    func forgetGroup(_ group: String) { forget("group", group) }

    private func forget(_ label: String, _ value: String) {
        for family in sets.map(\.family) { family.removeAll(label, value) }
        for family in [fallSizes.family, fallTimes.family] { family.removeAll(label, value) }
    }
}

extension MetricFamily {
    /// Forgets the series that have this value of a label.
    fileprivate func removeAll(_ label: String, _ value: String) {
        guard let index = labelNames.firstIndex(where: { $0.isExactly(label) }) else { return }
        removeAll { $0[index] == ByteText(value) }
    }
}
