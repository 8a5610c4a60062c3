import RMQClient
import RMQCommon
import RMQRemoting

/// `mqbench drain`: all of a topic, as fast as it comes.
enum DrainBench {
    static func run(_ options: inout BenchOptions) async throws {
        let topic = options.text("topic", default: SystemTopic.benchmark)
        let batch = Int32(try options.number("batch", default: 1024, in: 1...65_535))
        let serialization = try options.serialization()
        let duration = try options.number("seconds", in: 1...86_400).map { Duration.seconds($0) }
        let connections = try options.number("connections", in: 1...10_000)
        let tls = try options.tls()
        let filter = try filter(&options)
        let targets = try await targets(of: topic, &options)
        let done = Counter()
        let live = Task { await RateLine(what: "messages", counter: done).run() }
        defer { live.cancel() }
        let start = nanosecondsNow()
        let result = try await BenchThread.run { () throws(BenchError) in
            try DrainLoad(
                topic: topic, targets: targets, connections: connections, batch: batch, filter: filter, serialization: serialization,
                duration: duration, tls: tls, done: done
            ).run()
        }
        let nanoseconds = nanosecondsNow() - start
        Report.write(
            what: "messages", count: result.completed, failed: 0, firstFailure: nil, nanoseconds: nanoseconds, latency: result.latency,
            latencyOf: "one pull")
        Report.writePulls(result, nanoseconds: nanoseconds)
    }

    private static func filter(_ options: inout BenchOptions) throws(BenchError) -> PullSubscription {
        let choices: [PullSubscription?] = [
            options.text("tags").map { .tags($0) }, options.text("sql").map { .expression($0) }, options.flag("subscribed") ? .heartbeat : nil,
        ]
        let chosen = choices.compactMap(\.self)
        guard chosen.count <= 1 else { throw BenchError(misuse: "--tags, --sql and --subscribed are three ways to say the same; take one") }
        return chosen.first ?? .tags("*")
    }

    /// From an address all that the queues hold, without a name server; otherwise what the topic's queues hold by now.
    private static func targets(of topic: String, _ options: inout BenchOptions) async throws -> [DrainTarget] {
        if let address = try options.address() {
            let queues = try options.queues()
            try options.checkAllUsed()
            return queues.map { DrainTarget(address: address, queueId: $0) }
        }
        let configuration = options.client()
        try options.checkAllUsed()
        return try await withRocketMQClient(configuration) { client in
            let route = try await client.admin.route(of: topic)
            var targets: [DrainTarget] = []
            for queue in route.subscribeQueues {
                guard let address = route.master(of: queue.brokerName).flatMap({ HostAddress($0) }) else { continue }
                targets.append(DrainTarget(
                    address: address, queueId: queue.queueId, start: try await client.admin.minOffset(of: queue),
                    end: try await client.admin.maxOffset(of: queue)))
            }
            return targets
        }
    }
}
