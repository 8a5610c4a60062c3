import RMQClient
import RMQCommon
import Synchronization

/// `consumer`: a group's member that counts, without end.
enum BenchmarkConsumer {
    static let options: [BenchmarkOption] = [
        .topic, .nameServers, .trace, .acl, .accessKey, .secretKey,
        BenchmarkOption("w", "threadCount", "How many messages are handled at once, Default: 20"),
        BenchmarkOption("g", "group", "Consumer group name, Default: benchmark_consumer"),
        BenchmarkOption("p", "group prefix enable", "Whether a number from 0 to 99 is added to the group, Default: false"),
        BenchmarkOption("f", "filterType", "TAG or SQL92"),
        BenchmarkOption("e", "expression", "The file that has the filter's expression"),
        BenchmarkOption("r", "fail rate", "Which part of the messages is given back, Default: 0"),
    ]

    static func run(_ words: BenchmarkWords) async throws {
        let handlers = try words.number("w", default: 20, in: 1...4096)
        let failRate = try words.rate("r")
        let hasSuffix = words.flag("p")
        let group = (words.text("g") ?? "benchmark_consumer") + (hasSuffix ? "_\(Int.random(in: 0...99))" : "")
        let expression = try words.text("e").map { path in
            guard let bytes = try SmallFile.read(path) else { throw BenchError("there is no file \(path), which -e names") }
            return String(decoding: bytes, as: UTF8.self).trimmedOfSpace
        }
        let filter = try filter(words.text("f"), expression)
        Benchmark.say("""
            topic: \(words.topic), threadCount \(handlers), group: \(group), suffix: \(hasSuffix), filterType: \(words.text("f") ?? "null"), \
            expression: \(expression ?? "null"), msgTraceEnable: \(words.flag("m")), aclEnable: \(words.flag("a"))
            """)
        let statistics = ConsumeStatistics()
        try await withRocketMQClient(words.client()) { client in
            var settings = ConsumerConfiguration()
            settings.maxConcurrency = handlers
            settings.rebalanceInterval = .seconds(2)   // its queues come to it soon, also those of a topic that is new
            let consumer = try await client.makePushConsumer(group: group, settings)
            try await consumer.subscribe(to: words.topic, filter)
            Benchmark.say("Consumer Started.")
            let line = Task { await EveryTenSeconds.run(sample: { statistics.sample }) { Benchmark.say(statistics.line($0, $1)) } }
            defer { line.cancel() }
            try await consumer.run { message in
                statistics.count(message)
                guard failRate > 0, Double.random(in: 0..<1) < failRate else { return .success }
                statistics.failed.add()
                return .retry
            }
        }
    }

    private static func filter(_ type: String?, _ expression: String?) throws -> SubscriptionFilter {
        guard let type else { return .all }
        guard let expression else { throw BenchError(misuse: "-f needs -e, the file that has the expression") }
        if type.isExactlyIgnoringCase("TAG") { return try SubscriptionFilter(expression) }
        guard type.isExactlyIgnoringCase("SQL92") else { throw BenchError(misuse: "-f is '\(type)', allowed are TAG and SQL92") }
        return .sql(expression)
    }
}

/// What the consumer counts: messages, and how old they were.
private final class ConsumeStatistics: Sendable {
    struct Sample {
        let nanoseconds = nanosecondsNow()
        let received, failed, bornMilliseconds, storedMilliseconds: Int64
    }

    let failed = Counter()
    private let received = Counter()
    private let bornMilliseconds = Counter()
    private let storedMilliseconds = Counter()
    /// Since the last line.
    private let longestBorn = Atomic<Int64>(0)
    private let longestStored = Atomic<Int64>(0)

    var sample: Sample {
        Sample(received: received.value, failed: failed.value, bornMilliseconds: bornMilliseconds.value, storedMilliseconds: storedMilliseconds.value)
    }

    func count(_ message: StoredMessage) {
        let now = WallClock.nowMilliseconds()
        let (born, stored) = (now - message.bornTimestamp, now - message.storeTimestamp)
        received.add()
        bornMilliseconds.add(born)
        storedMilliseconds.add(stored)
        longestBorn.max(born, ordering: .relaxed)
        longestStored.max(stored, ordering: .relaxed)
    }

    func line(_ first: Sample, _ last: Sample) -> String {
        let count = last.received - first.received
        let rate = Int64(Double(count) * 1e9 / Double(max(1, last.nanoseconds - first.nanoseconds)))
        func average(_ total: Int64) -> String { Decimal.rate(count == 0 ? 0 : Double(total) / Double(count)) }
        return "Current Time: \(WallClock.nowMilliseconds()) TPS: \(rate) FAIL: \(last.failed) "
            + "AVG(B2C) RT(ms): \(average(last.bornMilliseconds - first.bornMilliseconds)) "
            + "AVG(S2C) RT(ms): \(average(last.storedMilliseconds - first.storedMilliseconds)) "
            + "MAX(B2C) RT(ms): \(longestBorn.exchange(0, ordering: .relaxed)) MAX(S2C) RT(ms): \(longestStored.exchange(0, ordering: .relaxed))"
    }
}
