import RMQClient
import RMQCommon
import RMQRemoting

/// `mqbench latency`: produce to consume at a steady rate.
enum LatencyBench {
    static func run(_ options: inout BenchOptions) async throws {
        let topic = options.text("topic", default: SystemTopic.benchmark)
        let size = try options.number("size", default: 128, in: 8...4 << 20)
        let rate = try options.number("rate", default: 1000, in: 1...1_000_000)
        let extent = try options.extent()
        let queueId = Int32(try options.number("queue", default: 0, in: 0...65_535))
        let isByClient = options.flag("client")
        let serialization = try options.serialization(usual: isByClient ? "binary" : "json")
        var configuration = options.client()
        configuration.headers = serialization
        try options.checkAllUsed()
        guard isByClient || configuration.tls == nil else { throw BenchError(misuse: "--tls is for the Swift client here; add --client") }
        let messages = extent.messages ?? rate * Int(extent.duration?.components.seconds ?? 10)
        let (target, offset) = try await endOfQueue(queueId, of: topic, configuration)
        let done = Counter()
        let live = Task { await RateLine(what: "messages", counter: done).run() }
        defer { live.cancel() }
        let start = nanosecondsNow()
        let (consumed, acknowledged): (LoadResult, LoadResult)
        if isByClient {
            (consumed, acknowledged) = try await ClientLatencyLoad(
                configuration: configuration, topic: topic, queueId: queueId, size: size, rate: rate, messages: messages, done: done
            ).run()
        } else {
            (consumed, acknowledged) = try await LatencyLoad(
                topic: topic, target: target, startOffset: offset, size: size, rate: rate, messages: messages, serialization: serialization, done: done
            ).run()
        }
        Report.write(
            what: "messages", count: consumed.completed, failed: 0, firstFailure: nil, nanoseconds: nanosecondsNow() - start,
            latency: consumed.latency, latencyOf: "produce to consume")
        Report.writeHistogram(acknowledged.latency, "send to acknowledgement")
    }

    /// Where the messages that are sent from now on begin. Creates the topic where it does not exist.
    private static func endOfQueue(
        _ queueId: Int32, of topic: String, _ configuration: RocketMQClient.Configuration
    ) async throws -> (SendTarget, offset: Int64) {
        try await withRocketMQClient(configuration) { client in
            let producer = try await client.makeProducer(group: "mqbench_producer")
            guard let queue = try await producer.queues(for: topic).first(where: { $0.queueId == queueId }) else {
                throw BenchError("topic \(topic) has no queue \(queueId)")
            }
            // Creates the topic where it does not exist, and warms the path up.
            let last = try await producer.send(Message(topic: topic, body: [UInt8](repeating: 0, count: 8)), to: queue, timeout: .seconds(10))
            guard let text = try await client.admin.route(of: topic).master(of: queue.brokerName), let address = HostAddress(text) else {
                throw BenchError("broker \(queue.brokerName) has no address that can be used")
            }
            return (SendTarget(address: address, queueId: queueId), last.queueOffset + 1)
        }
    }
}
