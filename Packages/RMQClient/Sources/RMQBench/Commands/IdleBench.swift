import RMQClient
import RMQCommon
import RMQRemoting

/// `mqbench idle`: what a client costs that subscribes to many topics and gets nothing.
enum IdleBench {
    /// Until all queues are pulled from and what began them has passed; a shorter measurement waits as long as it takes.
    private static let settlingTime = Duration.seconds(5)

    static func run(_ options: inout BenchOptions) async throws {
        let prefix = options.text("topic", default: SystemTopic.benchmark)
        let group = options.text("group", default: "mqbench_idle")
        let count = try options.number("subscriptions", default: 100, in: 1...10_000)
        let seconds = try options.number("seconds", default: 20, in: 1...86_400)
        var configuration = options.client()
        configuration.headers = try options.serialization(usual: "binary")
        try options.checkAllUsed()
        let topics = (0..<count).map { "\(prefix)_idle_\($0)" }
        try await create(topics, configuration)
        try await withRocketMQClient(configuration) { client in
            let consumer = try await client.makePushConsumer(group: group)
            for topic in topics { try await consumer.subscribe(to: topic) }
            let running = Task { try await consumer.run { _ in .success } }
            while Set(consumer.assignment.map { ByteText($0.topic) }).count < count { try await Task.sleep(for: .milliseconds(100)) }
            let queues = consumer.assignment.count
            try await Task.sleep(for: min(settlingTime, .seconds(seconds)))
            let (usage, start) = (ProcessUsage(), nanosecondsNow())
            try await Task.sleep(for: .seconds(seconds))
            Report.write(idle: usage.since(), nanoseconds: nanosecondsNow() - start, subscriptions: count, queues: queues)
            await consumer.close()
            try await running.value
        }
    }

    /// On all masters, by a client of its own.
    private static func create(_ topics: [String], _ configuration: RocketMQClient.Configuration) async throws {
        try await withRocketMQClient(configuration) { client in
            let clusters = try await client.admin.clusterInfo().clusters.keys
            for cluster in clusters {
                for topic in topics { try await client.admin.createTopic(TopicConfig(topicName: topic, readQueueCount: 4, writeQueueCount: 4), inCluster: cluster.text) }
            }
        }
    }
}
