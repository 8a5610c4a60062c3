import RMQClient
import RMQCommon
import RMQRemoting
import Synchronization

/// `mqbench consumer`: a group's member that only counts.
enum ConsumerBench {
    static func run(_ options: inout BenchOptions) async throws {
        let topic = options.text("topic", default: SystemTopic.benchmark)
        let group = options.text("group", default: "mqbench_consumer")
        let extent = try options.extent()
        // Without a number of messages to wait for, a silence is nothing special.
        let idleLimit = extent.messages == nil ? nil : Duration.seconds(try options.number("idle", default: 30, in: 1...86_400))
        var configuration = RocketMQClient.Configuration(nameServers: options.nameServers())
        configuration.headers = try options.serialization()
        try options.checkAllUsed()
        let done = Counter()
        let latency = Mutex(Histogram())
        let wanted = extent.messages.map(Int64.init) ?? .max
        let (elapsed, wentSilent) = try await withRocketMQClient(configuration) { client in
            var settings = ConsumerConfiguration()
            settings.start = .first
            settings.rebalanceInterval = .seconds(2)
            let consumer = try await client.makePushConsumer(group: group, settings)
            try await consumer.subscribe(to: topic)
            let live = Task { await RateLine(what: "messages", counter: done).run() }
            let limit = Task {
                if let duration = extent.duration, (try? await Task.sleep(for: duration)) != nil { await consumer.close() }
            }
            let silence = Task {
                guard let idleLimit else { return false }
                await wait(for: idleLimit, without: done)
                guard !Task.isCancelled else { return false }
                await consumer.close()
                return true
            }
            defer {
                live.cancel()
                limit.cancel()
                silence.cancel()
            }
            let start = nanosecondsNow()
            try await consumer.run { message in
                let age = max(0, WallClock.nowMilliseconds() - message.bornTimestamp)
                latency.withLock { $0.record(age * 1_000_000) }
                done.add()
                // The handler must return for the message to count, so another task closes.
                if done.value >= wanted { Task { await consumer.close() } }
                return .success
            }
            let elapsed = nanosecondsNow() - start
            silence.cancel()
            return (elapsed, await silence.value)
        }
        Report.write(
            what: "messages", count: Int(done.value), failed: 0, firstFailure: nil, nanoseconds: elapsed, latency: latency.withLock { $0 },
            latencyOf: "born to consumed (milliseconds are the finest step)")
        if let idleLimit, wentSilent {
            throw BenchError(
                "\(done.value) of \(wanted) messages came, then none for \(idleLimit.components.seconds) s (--idle); "
                    + "the group \(group) may have consumed the others before, or another member has the queues")
        }
    }

    /// Returns when nothing was counted for `limit`, or when the task is cancelled.
    private static func wait(for limit: Duration, without counter: Counter) async {
        var idle = IdleLimit(limit, now: nanosecondsNow())
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            if idle.isReached(count: counter.value, now: nanosecondsNow()) { return }
        }
    }
}
