import RMQClient
import RMQCommon
import RMQRemoting

/// `mqbench producer` and `mqbench raw`.
enum ProducerBench {
    static func run(_ options: inout BenchOptions) async throws {
        let topic = options.text("topic", default: SystemTopic.benchmark)
        let usesClient = options.flag("client")
        var plan = try plan(&options, topic: topic, serialization: usesClient ? "binary" : "json")
        let threads = try options.number("threads", default: 1, in: 1...256)
        let batch = try options.number("batch", default: 1, in: 1...1024)
        var configuration = options.client()
        configuration.headers = plan.serialization
        let account = try options.account()
        configuration.credentials = account.map { Credentials(accessKey: $0.accessKey, secretKey: $0.secretKey) }
        plan.signer = try options.signer()
        try options.checkAllUsed()
        guard !usesClient || plan.rate == nil else { throw BenchError(misuse: "--rate is for the raw load generator; leave --client or --rate away") }
        guard usesClient || batch == 1 else { throw BenchError(misuse: "--batch is for sends by the Swift client; add --client") }
        let fixed = plan
        let targets = try await withRocketMQClient(configuration) { client in
            let producer = try await client.makeProducer(group: "mqbench_producer")
            if usesClient {
                try await ClientSends(producer: producer, plan: fixed, batch: batch).run()
                return [SendTarget]()
            }
            return try await self.targets(of: topic, producer, client.admin)
        }
        guard !usesClient else { return }
        guard !targets.isEmpty else { throw BenchError("topic \(topic) has no queue that takes messages") }
        plan.targets = interleaved(targets)
        try await load(plan, threads: threads)
    }

    /// The queues of a topic. One that does not exist yet has those that its first message will create.
    private static func targets(of topic: String, _ producer: Producer, _ admin: Admin) async throws(ClientError) -> [SendTarget] {
        let queues = try await producer.queues(for: topic)
        let route: TopicRoute
        do {
            route = try await admin.route(of: topic)
        } catch where error.code == .routeNotFound {
            route = try await admin.route(of: producer.configuration.automaticTopicTemplate)
        }
        return queues.compactMap { queue in
            route.master(of: queue.brokerName).flatMap { HostAddress($0) }.map { SendTarget(address: $0, queueId: queue.queueId) }
        }
    }

    static func runRaw(_ options: inout BenchOptions) async throws {
        var plan = try plan(&options, topic: options.text("topic", default: SystemTopic.benchmark), serialization: "json")
        let threads = try options.number("threads", default: 1, in: 1...256)
        let address = try options.address() ?? HostAddress(ipv4: (127, 0, 0, 1), port: 10_911)
        plan.kind = try options.kind()
        plan.signer = try options.signer()
        plan.targets = try options.queues().map { SendTarget(address: address, queueId: $0) }
        try options.checkAllUsed()
        try await load(plan, threads: threads)
    }

    /// Enough for a stall of two thirds of a second at 100,000 sends a second over 16 connections.
    private static let depthAtRate = 4096

    /// - Parameter serialization: what is taken where nothing is said.
    private static func plan(_ options: inout BenchOptions, topic: String, serialization: String) throws(BenchError) -> SendPlan {
        let extent = try options.extent()
        let rate = try options.number("rate", in: 1...10_000_000)
        return try SendPlan(
            topic: topic, targets: [], size: try options.number("size", default: 128, in: 1...4 << 20),
            connections: try options.number("connections", default: 1, in: 1...10_000),
            depth: try options.number("depth", default: rate == nil ? 1 : depthAtRate, in: 1...65_536),
            serialization: try options.serialization(usual: serialization), messages: extent.messages, duration: extent.duration, tls: options.tls(), rate: rate)
    }

    /// Targets of different brokers in turn, so that connections spread over all brokers.
    private static func interleaved(_ targets: [SendTarget]) -> [SendTarget] {
        targets.sorted { ($0.queueId, ByteText($0.address.description)) < ($1.queueId, ByteText($1.address.description)) }
    }

    private static func load(_ plan: SendPlan, threads: Int) async throws {
        let done = Counter()
        let live = Task { await RateLine(what: "messages", counter: done).run() }
        defer { live.cancel() }
        let threads = min(threads, plan.connections, plan.rate ?? .max)
        let start = nanosecondsNow()
        let result = try await withThrowingTaskGroup(of: LoadResult.self) { group in
            for thread in 0..<threads {
                let share = plan.share(of: thread, threads: threads)
                group.addTask {
                    try await BenchThread.run { () throws(BenchError) in try SendLoad(share, done: done).run() }
                }
            }
            return try await group.reduce(into: LoadResult()) { $0.merge($1) }
        }
        let nanoseconds = nanosecondsNow() - start
        try report(result, nanoseconds: nanoseconds, latencyOf: plan.rate == nil ? "send to acknowledgement" : "due to acknowledgement")
    }

    /// The figures at the end of a run.
    static func report(_ result: LoadResult, nanoseconds: Int64, latencyOf: String) throws(BenchError) {
        Report.write(
            what: "messages", count: result.completed, failed: result.failed, firstFailure: result.firstFailure, nanoseconds: nanoseconds,
            latency: result.latency, latencyOf: latencyOf)
        if result.unsent > 0 {
            print("\(Report.grouped(result.unsent)) more were due and did not go out: --depth many were in flight on every connection")
        }
        if result.failed > 0 { throw BenchError("\(result.failed) of \(result.completed + result.failed) messages were not accepted") }
    }
}
