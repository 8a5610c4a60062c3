import RMQClient
import RMQCommon

/// `producer`: one message in a request.
enum BenchmarkProducer {
    static let options: [BenchmarkOption] = [
        .topic, .nameServers, .trace, .acl, .accessKey, .secretKey,
        BenchmarkOption("w", "threadCount", "How many send at once, Default: 64"),
        BenchmarkOption("s", "messageSize", "Bytes of a body, Default: 128"),
        BenchmarkOption("k", "keyEnable", "Whether messages have a key, Default: false"),
        BenchmarkOption("l", "tagCount", "Of so many tags each message has one, Default: 0"),
        BenchmarkOption("q", "messageQuantity", "How many messages, Default: 0, without end"),
        BenchmarkOption("d", "delayEnable", "Whether messages are delayed, Default: false"),
        BenchmarkOption("e", "delayLevel", "By which level, Default: 1"),
        BenchmarkOption("y", "asyncEnable", "Makes no difference: no sender holds up a thread, Default: false"),
    ]

    static func run(_ words: BenchmarkWords) async throws {
        let senders = try words.number("w", default: 64, in: 1...4096)
        let size = try words.number("s", default: 128, in: 1...4 << 20)
        let tags = try words.number("l", default: 0, in: 0...1_000_000)
        let quantity = try words.number("q", default: 0, in: 0...1_000_000_000_000)
        let level = try words.number("e", default: 1, in: 1...18)
        let (hasKeys, isDelayed) = (words.flag("k"), words.flag("d"))
        let message = BenchmarkMessages(topic: words.topic, size: size, hasKeys: hasKeys, tags: tags, delayLevel: isDelayed ? level : 0)
        Benchmark.say("""
            topic: \(words.topic) threadCount: \(senders) messageSize: \(size) keyEnable: \(hasKeys) propertySize: 0 tagCount: \(tags) \
            traceEnable: \(words.flag("m")) aclEnable: \(words.flag("a")) messageQuantity: \(quantity)
            delayEnable: \(isDelayed) delayLevel: \(level)
            asyncEnable: \(words.flag("y"))
            """)
        let statistics = SendStatistics()
        try await withRocketMQClient(words.client()) { client in
            var settings = ProducerConfiguration()
            settings.compressionThreshold = nil
            let producer = try await client.makeProducer(group: "benchmark_producer", settings)
            let line = Task {
                await EveryTenSeconds.run(sample: { statistics.sample }) {
                    Benchmark.say("Current Time: \(CalendarTime(milliseconds: WallClock.nowMilliseconds()).text) " + rates(statistics, $0, $1))
                }
            }
            defer { line.cancel() }
            let start = statistics.sample
            let (numbers, last) = (Numbers(), quantity == 0 ? Int64.max : Int64(quantity))
            await withTaskGroup { group in
                for _ in 0..<senders {
                    group.addTask {
                        while numbers.next() <= last {
                            await statistics.count { () async throws(ClientError) in _ = try await producer.send(message.next) }
                        }
                    }
                }
            }
            let end = statistics.sample
            Benchmark.say("[Complete] Send Total: \(end.requests + end.sendsFailed + end.responsesFailed) " + rates(statistics, start, end))
        }
    }

    private static func rates(_ statistics: SendStatistics, _ first: SendStatistics.Sample, _ last: SendStatistics.Sample) -> String {
        let rates = last.rates(since: first)
        return "Send TPS: \(rates.requestsPerSecond) Max RT(ms): \(statistics.longestMilliseconds) Average RT(ms): \(Decimal.rate(rates.milliseconds)) "
            + "Send Failed: \(last.sendsFailed) Response Failed: \(last.responsesFailed)"
    }
}

/// The messages of the producers.
struct BenchmarkMessages: Sendable {
    let topic: String
    let size: Int
    let hasKeys: Bool
    let tags: Int
    var delayLevel = 0
    /// Bytes of a property beside it.
    var propertySize = 0

    var next: Message {
        let now = WallClock.nowMilliseconds()
        var message = Message(topic: topic, body: [UInt8](repeating: UInt8(ascii: "a"), count: size))
        if hasKeys { message.keys = [String(now / 1000)] }
        if tags > 0 { message.tags = "tag\(now % Int64(tags))" }
        if propertySize > 0 { message.properties["benchmark"] = String(repeating: "p", count: propertySize) }
        message.delayLevel = delayLevel
        return message
    }
}
