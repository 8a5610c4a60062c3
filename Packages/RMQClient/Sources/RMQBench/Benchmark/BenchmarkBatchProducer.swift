import RMQClient
import RMQCommon

/// `batchproducer`: several messages in a request, without end.
enum BenchmarkBatchProducer {
    static let options: [BenchmarkOption] = [
        .topic, .nameServers, .trace, .acl,
        BenchmarkOption("c", "accessKey", "The account that signs, Default: rocketmq2"),
        BenchmarkOption("e", "secretKey", "Its secret, Default: 12346789"),
        BenchmarkOption("w", "threadCount", "How many send at once, Default: 64"),
        BenchmarkOption("s", "messageSize", "Bytes of a body, Default: 128"),
        BenchmarkOption("b", "batchSize", "Messages of a request, Default: 16"),
        BenchmarkOption("k", "keyEnable", "Whether messages have a key, Default: false"),
        BenchmarkOption("p", "propertySize", "Bytes of a property, Default: 0"),
        BenchmarkOption("l", "tagCount", "Of so many tags each message has one, Default: 0"),
    ]

    static func run(_ words: BenchmarkWords) async throws {
        let senders = try words.number("w", default: 64, in: 1...4096)
        let batch = try words.number("b", default: 16, in: 1...1024)
        let messages = BenchmarkMessages(
            topic: words.topic, size: try words.number("s", default: 128, in: 1...4 << 20), hasKeys: words.flag("k"),
            tags: try words.number("l", default: 0, in: 0...1_000_000), propertySize: try words.number("p", default: 0, in: 0...16_384))
        let statistics = SendStatistics()
        try await withRocketMQClient(words.client(account: ("c", "e"), defaultSecret: "12346789")) { client in
            let producer = try await client.makeProducer(group: "benchmark_batch_producer")
            let line = Task { await EveryTenSeconds.run(sample: { statistics.sample }) { say(statistics, batch, $0, $1) } }
            defer { line.cancel() }
            await withTaskGroup { group in
                for _ in 0..<senders {
                    group.addTask {
                        while !Task.isCancelled {
                            let many = (0..<batch).map { _ in messages.next }
                            await statistics.count(messages: batch) { () async throws(ClientError) in _ = try await producer.send(batch: many) }
                        }
                    }
                }
            }
        }
    }

    private static func say(_ statistics: SendStatistics, _ batch: Int, _ first: SendStatistics.Sample, _ last: SendStatistics.Sample) {
        let rates = last.rates(since: first)
        let failed = last.sendsFailed + last.responsesFailed
        Benchmark.say(
            "Current Time: \(WallClock.nowMilliseconds()) Send TPS: \(rates.requestsPerSecond) Send MPS: \(rates.messagesPerSecond) "
                + "Max RT(ms): \(statistics.longestMilliseconds) Average RT(ms): \(Decimal.rate(rates.milliseconds)) "
                + "Average Message RT(ms): \(Decimal.rate(rates.milliseconds / Double(batch))) "
                + "Send Failed: \(failed) Send Message Failed: \(failed * Int64(batch))")
    }
}
