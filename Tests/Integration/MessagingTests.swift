import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct MessagingTests {
    @Test(arguments: [HeaderSerialization.json, .rocketmq])
    func everyMessageArrivesAsSent(headers: HeaderSerialization) async throws {
        try await withCluster { cluster in
            try await cluster.withClient(headers: headers) { client in
                let consumer = try await client.makePushConsumer(group: "g_all", .fromFirst)
                try await consumer.subscribe(to: "Greetings")
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                let producer = try await client.makeProducer(group: "p_all")
                var sent: [String: Message] = [:]
                for number in 0..<50 {
                    var message = Message(topic: "Greetings", text: "größe \(number) 🚀", tags: "t\(number % 3)", keys: ["k\(number)", "all"])
                    message.properties["ключ"] = "значение \(number)"
                    let result = try await producer.send(message)
                    #expect(result.status == .stored)
                    sent[result.messageId] = message
                }
                let big = Message(topic: "Greetings", body: (0..<20_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
                sent[try await producer.send(big).messageId] = big
                try await producer.sendOneway(Message(topic: "Greetings", text: "one-way"))
                try await eventually("all messages consumed") { await inbox.count >= sent.count + 1 }
                let received = await inbox.messages
                #expect(received.count == sent.count + 1)
                for message in received where message.body != Array("one-way".utf8) {
                    let original = try #require(sent[message.messageId])
                    #expect(message.body == original.body)
                    #expect(message.tags == original.tags)
                    #expect(message.keys == original.keys)
                    #expect(message.properties["ключ"] == original.properties["ключ"])
                    // The bounds of the queue when it was pulled.
                    #expect(message.properties["MIN_OFFSET"] == "0")
                    #expect(try #require(message.properties["MAX_OFFSET"].flatMap { Int64($0) }) > message.queueOffset)
                }
                await consumer.close()
                _ = await running.result
            }
        }
    }

    @Test func batchIsStoredAsSeparateMessagesInOneQueue() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_batch")
                let messages = (0..<10).map { Message(topic: "Batches", text: "part \($0)", tags: "b") }
                let queue = try #require(try await producer.queues(for: "Batches").first)
                let result = try await producer.send(batch: messages, to: queue)
                #expect(result.offsetMessageIds.count == 10)
                let pulled = try await client.admin.pull(from: result.queue, offset: result.queueOffset, group: "g_batch")
                #expect(pulled.messages.map(\.body) == messages.map(\.body))
                #expect(pulled.messages.map(\.queueOffset) == (0..<10).map { result.queueOffset + Int64($0) })
            }
        }
    }

    @Test func aDelayedMessageComesLater() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g_later", .fromFirst)
                try await consumer.subscribe(to: "Later", .tags(["wanted"]))
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                let producer = try await client.makeProducer(group: "p_later")
                var message = Message(topic: "Later", text: "in a second", tags: "wanted", keys: ["k1", "k2"])
                message.delayLevel = 1
                let before = WallClock.nowMilliseconds()
                let sent = try await producer.send(message)
                #expect(sent.status == .stored)
                #expect(sent.queue.topic == "Later")
                try await eventually("the delayed message") { await inbox.count == 1 }
                let received = try #require(await inbox.messages.first)
                #expect(received.topic == "Later")
                #expect(received.body == message.body)
                #expect(received.tags == "wanted")
                #expect(received.keys == ["k1", "k2"])
                #expect(received.queueId == sent.queue.queueId)
                #expect(received.messageId == sent.messageId)
                #expect(received.storeTimestamp - before >= 1_000)
                await consumer.close()
                _ = await running.result
            }
        }
    }

    /// A broker of one topic does not answer who the members are: that topic waits, the others do not.
    @Test func aTopicWithoutMembersDoesNotHoldUpTheOthers() async throws {
        try await withCluster { cluster in
            try await cluster.registerGhostBroker(topic: "Ghostly")
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_ghost")
                try await producer.send(Message(topic: "Alive", text: "x"))
                let consumer = try await client.makePushConsumer(group: "g_ghost", .fromFirst)
                for topic in ["Ghostly", "Alive"] { try await consumer.subscribe(to: topic) }
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                try await eventually("the message of the other topic") { await inbox.count == 1 }
                #expect(consumer.assignment.allSatisfy { $0.topic != "Ghostly" })
                await consumer.close()
                _ = await running.result
            }
        }
    }

    @Test func tagsSelectMessages() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g_tags", .fromFirst)
                try await consumer.subscribe(to: "Tagged", SubscriptionFilter("AaAa || green"))
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                let producer = try await client.makeProducer(group: "p_tags")
                // "AaAa" and "BBBB" have one hash: the broker lets both through, the client compares the text.
                for (number, tag) in ["AaAa", "BBBB", "green", "blue", "AaAa"].enumerated() {
                    _ = try await producer.send(Message(topic: "Tagged", text: "\(number)", tags: tag))
                }
                try await eventually("three messages") { await inbox.count >= 3 }
                #expect(await inbox.bodies == Set(["0", "2", "4"].map { Array($0.utf8) }))
                await consumer.close()
                _ = await running.result
            }
        }
    }

    @Test func everyMemberOfABroadcastingGroupReceivesAll() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { first in
                try await cluster.withClient { second in
                    let inboxes = [Inbox(), Inbox()]
                    var running: [Task<Void, any Error>] = []
                    var consumers: [PushConsumer] = []
                    for (client, inbox) in zip([first, second], inboxes) {
                        var configuration = ConsumerConfiguration.fromFirst
                        configuration.model = .broadcasting(offsetDirectory: cluster.clientFolder(client.clientId))
                        let consumer = try await client.makePushConsumer(group: "g_broadcast", configuration)
                        try await consumer.subscribe(to: "News")
                        running.append(Task { try await consumer.run { await inbox.add($0); return .success } })
                        consumers.append(consumer)
                    }
                    let producer = try await first.makeProducer(group: "p_broadcast")
                    for number in 0..<20 { _ = try await producer.send(Message(topic: "News", text: "\(number)")) }
                    for inbox in inboxes { try await eventually("20 messages each") { await inbox.bodies.count == 20 } }
                    for consumer in consumers { await consumer.close() }
                    for task in running { _ = await task.result }
                }
            }
        }
    }

    @Test func twoMembersShareTheQueuesAndAClosedOneHandsItsQueuesOver() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_share")
                let all = Set(try await producer.queues(for: "Shared"))
                _ = try await producer.send(Message(topic: "Shared", text: "creates the topic"))
                try await cluster.withClient { other in
                    let inbox = Inbox()
                    var members: [(PushConsumer, Task<Void, any Error>)] = []
                    for member in [client, other] {
                        let consumer = try await member.makePushConsumer(group: "g_share", .fromFirst)
                        try await consumer.subscribe(to: "Shared")
                        members.append((consumer, Task { try await consumer.run { await inbox.add($0); return .success } }))
                    }
                    try await eventually("the queues are split") {
                        let parts = members.map { $0.0.assignment.filter { $0.topic == "Shared" } }
                        return parts.allSatisfy { !$0.isEmpty } && parts[0].isDisjoint(with: parts[1]) && parts[0].count + parts[1].count >= all.count
                    }
                    await members[1].0.close()
                    _ = await members[1].1.result
                    try await eventually("the remaining member has all queues") {
                        members[0].0.assignment.filter { $0.topic == "Shared" }.count >= all.count
                    }
                    await members[0].0.close()
                    _ = await members[0].1.result
                }
            }
        }
    }

    @Test func aGroupGoesOnWhereItStoppedAfterARestartOfTheBroker() async throws {
        try await withCluster { cluster in
            func consume(expecting count: Int) async throws -> Set<[UInt8]> {
                try await cluster.withClient { client in
                    let consumer = try await client.makePushConsumer(group: "g_restart", .fromFirst)
                    try await consumer.subscribe(to: "Durable")
                    let inbox = Inbox()
                    let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                    try await eventually("\(count) messages") { await inbox.count >= count }
                    await consumer.close()
                    _ = await running.result
                    return await inbox.bodies
                }
            }
            func send(_ texts: [String]) async throws {
                try await cluster.withClient { client in
                    let producer = try await client.makeProducer(group: "p_restart")
                    for text in texts { _ = try await producer.send(Message(topic: "Durable", text: text)) }
                }
            }
            try await send(["1", "2", "3"])
            #expect(try await consume(expecting: 3).count == 3)
            try cluster.restartBroker()
            try await send(["4", "5"])
            #expect(try await consume(expecting: 2) == Set(["4", "5"].map { Array($0.utf8) }))
        }
    }
}

extension ConsumerConfiguration {
    /// Starts at the first message, and rebalances often so that tests need not wait.
    static var fromFirst: ConsumerConfiguration {
        var configuration = ConsumerConfiguration()
        configuration.start = .first
        configuration.rebalanceInterval = .milliseconds(200)
        return configuration
    }
}
