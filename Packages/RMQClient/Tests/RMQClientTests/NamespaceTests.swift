import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// A client in a namespace: bare names on its side of the edge, wrapped ones on the wire.
@Suite(.takesTurns) struct NamespaceTests {
    private static func withClient(
        _ topics: [String: Int32] = ["ns%T": 2], _ body: (FakeCluster, RocketMQClient) async throws -> Void
    ) async throws {
        try await withFakeCluster(topics: topics) { cluster in
            try await cluster.withClient({ $0.namespace = "ns" }) { try await body(cluster, $0) }
        }
    }

    @Test func whatIsSentHasTheNamespace() async throws {
        try await Self.withClient { cluster, client in
            let producer = try await client.makeProducer(group: "pg")
            let sent = try await producer.send(Message(topic: "T", text: "a"))
            #expect(sent.queue.topic.isExactly("T"))
            let queues = try await producer.queues(for: "T")
            #expect(queues.map { ByteText($0.topic) } == ["T", "T"])
            try await producer.send(Message(topic: "T", text: "b"), to: queues[1])
            try await producer.send(Message(topic: "T", text: "c")) { offered in
                #expect(offered == queues)
                return offered[0]
            }
            try await producer.send(Message(topic: "ns%T", text: "d"))
            try await producer.sendOneway(Message(topic: "T", text: "e"))
            try await eventually("the one-way message") { cluster.asked(.sendMessageV2).count == 5 }
            for command in cluster.asked(.sendMessageV2) {
                let header = try command.header(SendMessageHeaderV2.self).message
                #expect(header.topic.isExactly("ns%T"))
                #expect(header.producerGroup.isExactly("ns%pg"))
            }
            #expect(client.namespace.isExactly("ns"))
        }
    }

    private static func properties(_ command: RemotingCommand) throws -> MessageProperties {
        let header = try command.header(SendMessageHeaderV2.self).message
        return MessageProperties(decoding: Array((header.properties ?? "").utf8))
    }

    @Test func everyMessageSaysWhichNamespaceItComesFrom() async throws {
        try await Self.withClient { cluster, client in
            let producer = try await client.makeProducer(group: "pg")
            try await producer.send(Message(topic: "T", text: "a"))
            try await producer.send(batch: [Message(topic: "T", text: "b"), Message(topic: "T", text: "c")])
            let transactions = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
            try await transactions.send(Message(topic: "T", text: "d")) { _ in .commit }
            _ = await failure { () throws(ClientError) in _ = try await producer.request(Message(topic: "T", text: "e"), timeout: .milliseconds(50)) }
            let sent = cluster.asked(.sendMessageV2) + cluster.asked(.sendBatchMessage)
            #expect(sent.count == 4)
            for command in sent { #expect(try Self.properties(command)["INSTANCE_ID"].isExactly("ns")) }
            let wait = try Self.properties(#require(cluster.asked(.sendBatchMessage).first))[PropertyName.waitStoreMessage]
            #expect(wait.isExactly("true"))
        }
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                try await client.makeProducer(group: "pg").send(Message(topic: "T", text: "a"))
                #expect(try Self.properties(#require(cluster.asked(.sendMessageV2).first))["INSTANCE_ID"] == nil)
            }
        }
    }

    @Test func interceptorsSeeBareNames() async throws {
        try await Self.withClient { cluster, client in
            let seen = Lines()
            var settings = ProducerConfiguration()
            settings.interceptors = [Changer(seen)]
            let producer = try await client.makeProducer(group: "pg", settings)
            try await producer.send(Message(topic: "T", text: "a"))
            try await producer.send(batch: [Message(topic: "T", text: "b"), Message(topic: "T", text: "c")])
            #expect(seen.texts.isExactly(["pg T T", "pg T T T"]))
            let single = try #require(cluster.asked(.sendMessageV2).first)
            #expect(try single.header(SendMessageHeaderV2.self).message.topic.isExactly("ns%T"))
            #expect(try Self.properties(single)["by"].isExactly("me"))
            let batch = try #require(cluster.asked(.sendBatchMessage).first)
            #expect(try batch.header(SendMessageHeaderV2.self).message.topic.isExactly("ns%T"))
            #expect(try BatchBody.decode(batch.body, topic: "T").allSatisfy { $0.properties["by"].isExactly("me") })
            for command in [single, batch] { #expect(try Self.properties(command)["INSTANCE_ID"].isExactly("ns")) }
        }
    }

    @Test func theSystemsOwnTopicsHaveNone() async throws {
        try await Self.withClient(["BenchmarkTest": 1]) { cluster, client in
            try await client.makeProducer(group: "pg").send(Message(topic: "BenchmarkTest", text: "a"))
            let header = try #require(cluster.asked(.sendMessageV2).first).header(SendMessageHeaderV2.self)
            #expect(header.message.topic.isExactly("BenchmarkTest"))
        }
    }

    @Test func whatIsConsumedHasLostIt() async throws {
        try await Self.withClient(["ns%T": 1, "%RETRY%ns%cg": 1]) { cluster, client in
            cluster.fill("ns%T", with: ["1"])
            var settings = ConsumerConfiguration()
            settings.start = .first
            let consumer = try await client.makePushConsumer(group: "cg", settings)
            try await consumer.subscribe(to: "T")
            let topics = Topics()
            let running = Task { try await consumer.run { message in await topics.add(message.topic); return .success } }
            try await eventually("the message is handled") { await topics.all.count == 1 }
            #expect(await topics.all == ["T"])
            #expect(consumer.assignment.contains { $0.topic.isExactly("T") })
            let heartbeat = try #require(try cluster.asked(.heartBeat).map { try HeartbeatData(body: $0.body) }.last { !$0.consumers.isEmpty })
            let group = try #require(heartbeat.consumers.first)
            #expect(group.group.isExactly("ns%cg"))
            #expect(Set(texts: group.subscriptions.map(\.topic)) == ["ns%T", "%RETRY%ns%cg"])
            await consumer.close()
            try await running.value
            #expect(cluster.offset(of: MessageQueue(topic: "ns%T", brokerName: "a", queueId: 0)) == 1)
        }
    }

    @Test func administratorsUseBareNames() async throws {
        try await Self.withClient { cluster, client in
            let route = try await client.admin.route(of: "T")
            #expect(route.topic.isExactly("T"))
            #expect(route.publishQueues.allSatisfy { $0.topic.isExactly("T") })
            _ = try await client.admin.maxOffset(of: route.subscribeQueues[0])
            let asked = try #require(cluster.asked(.getMaxOffset).first).header(QueueHeader.self)
            #expect(asked.topic.isExactly("ns%T"))
            try await client.admin.commit(group: "cg", queue: route.subscribeQueues[0], offset: 5)
            let stored = try #require(cluster.asked(.updateConsumerOffset).first).header(UpdateConsumerOffsetHeader.self)
            #expect(stored.consumerGroup.isExactly("ns%cg"))
            cluster.fill("ns%T", with: ["1"])
            let pulled = try await client.admin.pull(from: route.subscribeQueues[0], offset: 0)
            #expect(pulled.messages.map { ByteText($0.topic) } == ["T"])
            try await client.admin.createTopic(TopicConfig(topicName: "New"), at: cluster.address(of: "a"))
            let made = try #require(cluster.asked(.updateAndCreateTopic).first).header(CreateTopicHeader.self)
            #expect(made.topic.isExactly("ns%New"))
        }
    }

    @Test func aNameThatGetsTooLongIsRefused() async throws {
        try await Self.withClient { _, client in
            let producer = try await client.makeProducer(group: "pg")
            let long = String(repeating: "t", count: 126)
            #expect(await failure { () throws(ClientError) in try await producer.send(Message(topic: long, text: "a")) }?.code == .invalidName)
            let group = String(repeating: "g", count: 254)
            #expect(await failure { () throws(ClientError) in _ = try await client.makeProducer(group: group) }?.code == .invalidName)
        }
    }

    /// Hosted instances have their namespace in their address.
    @Test(arguments: [
        ("http://MQ_INST_123_abc.cn.example:8080", "MQ_INST_123_abc"), ("MQ_INST_123_abc.cn.example:80", "MQ_INST_123_abc"),
        ("http://mq.example:8080", nil), ("MQ_INST_123.cn.example:80", nil), ("MQ_INST_1-2_3.cn.example:80", nil), ("127.0.0.1:9876", nil),
    ])
    func aNamespaceMayComeFromTheAddress(address: String, namespace: String?) throws {
        let client = try RocketMQClient(.init(nameServers: address))
        #expect(client.namespace.isExactly(namespace))
        #expect(client.nameServers.isExactly([address.cut(atLast: "/")?.after ?? address]))
        var own = RocketMQClient.Configuration(nameServers: address)
        own.namespace = "mine"
        #expect(try RocketMQClient(own).namespace.isExactly("mine"))
    }
}

/// Writes down the names that it sees, and changes each message.
private struct Changer: SendInterceptor {
    let seen: Lines
    init(_ seen: Lines) { self.seen = seen }

    func send(_ attempt: SendAttempt, next: SendAttempt.Next) async throws -> SendResult? {
        seen.add(([attempt.group, attempt.queue.topic] + attempt.messages.map(\.topic)).joined(separator: " "))
        var attempt = attempt
        for index in attempt.messages.indices { attempt.messages[index].properties["by"] = "me" }
        return try await next(attempt)
    }
}

private actor Topics {
    private(set) var all: [ByteText] = []
    func add(_ topic: String) { all.append(ByteText(topic)) }
}
