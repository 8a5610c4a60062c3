import RMQClient
import RMQCommon
import RMQRemoting
import Synchronization

/// `mqbench consumer`: a group's member that only counts.
enum ConsumerBench {
    static func run(_ options: inout Options) async throws {
        let topic = options.text("topic", default: SystemTopic.benchmark)
        let group = options.text("group", default: "mqbench_consumer")
        let extent = try options.extent()
        var configuration = RocketMQClient.Configuration(nameServers: options.nameServers())
        configuration.headers = try options.serialization()
        try options.checkAllUsed()
        let done = Counter()
        let latency = Mutex(Histogram())
        let wanted = extent.messages.map(Int64.init) ?? .max
        let elapsed = try await withRocketMQClient(configuration) { client in
            var settings = ConsumerConfiguration()
            settings.start = .first
            settings.rebalanceInterval = .seconds(2)
            let consumer = try await client.makePushConsumer(group: group, settings)
            try await consumer.subscribe(to: topic)
            let live = Task { await RateLine(what: "messages", counter: done).run() }
            let limit = Task {
                if let duration = extent.duration, (try? await Task.sleep(for: duration)) != nil { await consumer.close() }
            }
            defer {
                live.cancel()
                limit.cancel()
            }
            let start = nanosecondsNow()
            try await consumer.run { message in
                let age = max(0, WallClock.nowMilliseconds() - message.bornTimestamp)
                latency.withLock { $0.record(age * 1_000_000) }
                done.add()
                // The handler must return for the message to count, so somebody else closes.
                if done.value >= wanted { Task { await consumer.close() } }
                return .success
            }
            return nanosecondsNow() - start
        }
        Report.write(
            what: "messages", count: Int(done.value), failed: 0, firstFailure: nil, nanoseconds: elapsed, latency: latency.withLock { $0 },
            latencyOf: "born to consumed (milliseconds are the finest step)")
    }
}
