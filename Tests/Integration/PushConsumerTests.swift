import RMQBroker
import RMQClient
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Groups that fail, wait, stop and consume in order, with a broker that gives messages again.
@Suite(.takesTurns) struct PushConsumerTests {
    /// A broker whose delays a test can wait for.
    private static let quickDelays: @Sendable (inout BrokerConfiguration) -> Void = {
        $0.store.delayLevelMilliseconds = [Int64](repeating: 20, count: 18)
    }

    @Test func aMessageIsGivenAgainUntilItIsADeadLetter() async throws {
        try await withCluster(Self.quickDelays) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_dead")
                for text in ["good", "bad", "better later"] { try await producer.send(Message(topic: "Dead", text: text, tags: "t", keys: [text])) }
                var settings = ConsumerConfiguration.fromFirst
                settings.maxRedeliveries = 2
                let consumer = try await client.makePushConsumer(group: "g_dead", settings)
                try await consumer.subscribe(to: "Dead", .tags(["t"]))
                let inbox = Inbox()
                let running = Task {
                    try await consumer.run { message in
                        await inbox.add(message)
                        switch message.text {
                        case "bad": throw CancellationError()
                        case "better later" where message.reconsumeTimes == 0: return .retry(after: .level(1))
                        default: return .success
                        }
                    }
                }
                func times(_ text: String) async -> [Int32] { await inbox.messages.filter { $0.text == text }.map(\.reconsumeTimes) }
                try await eventually("both came again") { 
                    let (bad, later) = (await times("bad"), await times("better later"))
                    return bad == [0, 1, 2] && later == [0, 1]
                }
                #expect(await times("good") == [0])
                let received = await inbox.messages
                #expect(received.allSatisfy { $0.topic.isExactly("Dead") && $0.tags.isExactly("t") && $0.keys.joined(separator: " ").isExactly($0.text) })
                // One message under one id, wherever it lies.
                #expect(Set(texts: received.filter { $0.text.isExactly("bad") }.map(\.messageId)).count == 1)
                let dead = MessageQueue(topic: "%DLQ%g_dead", brokerName: try #require(consumer.assignment.first).brokerName, queueId: 0)
                try await eventually("a dead letter") { (try? await client.admin.maxOffset(of: dead)) == 1 }
                let letter = try #require(try await client.admin.pull(from: dead, offset: 0).messages.first)
                #expect(letter.text == "bad")
                #expect(letter.properties["RETRY_TOPIC"] == "Dead")
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aHandlerMaySendAMessageToTheDeadLettersAtOnce() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_atonce")
                try await producer.send(Message(topic: "AtOnce", text: "bad"))
                let consumer = try await client.makePushConsumer(group: "g_atonce", .fromFirst)
                try await consumer.subscribe(to: "AtOnce")
                let running = Task { try await consumer.run { _ in .deadLetter } }
                try await eventually("it holds queues") { !consumer.assignment.isEmpty }
                let dead = MessageQueue(topic: "%DLQ%g_atonce", brokerName: try #require(consumer.assignment.first).brokerName, queueId: 0)
                try await eventually("a dead letter") { (try? await client.admin.maxOffset(of: dead)) == 1 }
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func theRestOfABatchComesAgain() async throws {
        try await withCluster(Self.quickDelays) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_rest")
                let queue = try #require(try await producer.queues(for: "Rest").first)
                try await producer.send(batch: (0..<8).map { Message(topic: "Rest", text: "\($0)") }, to: queue)
                var settings = ConsumerConfiguration.fromFirst
                settings.batchSize = 8
                let consumer = try await client.makePushConsumer(group: "g_rest", settings)
                try await consumer.subscribe(to: "Rest")
                let inbox = Inbox()
                let running = Task {
                    try await consumer.runBatches { messages in
                        for message in messages { await inbox.add(message) }
                        return messages.count == 8 ? .acknowledged(5) : .success
                    }
                }
                try await eventually("the rest came again") { await inbox.count >= 11 }
                #expect(await inbox.messages[8...].map(\.text).sorted() == ["5", "6", "7"])
                await consumer.close()
                try await running.value
                #expect(try await client.admin.committedOffset(group: "g_rest", queue: queue) == 8)
            }
        }
    }

    /// A member leaves in the middle. Each queue's messages come in their order all the same; what was being handled may come twice.
    @Test func messagesStayInOrderWhenAMemberLeaves() async throws {
        try await withCluster { cluster in
            let (total, inbox) = (400, Inbox())
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_order")
                let queues = try await producer.queues(for: "Order")
                for number in 0..<total { try await producer.send(Message(topic: "Order", text: "\(number)"), to: queues[number % queues.count]) }
                try await cluster.withClient { other in
                    @Sendable func member(_ client: RocketMQClient) async throws -> (PushConsumer, Task<Void, any Error>) {
                        let consumer = try await client.makePushConsumer(group: "g_order", .fromFirst)
                        try await consumer.subscribe(to: "Order")
                        return (consumer, Task {
                            try await consumer.runOrdered { messages in
                                await inbox.add(messages[0])
                                try await Task.sleep(for: .milliseconds(1))   // not a wait: a handler that takes its time
                                return .success
                            }
                        })
                    }
                    let (leaver, leaving) = try await member(other)
                    try await eventually("it has begun") { await inbox.count > 20 }
                    let (stayer, staying) = try await member(client)
                    await leaver.close()
                    try await leaving.value
                    try await eventually("all messages") { await inbox.bodies.count == total }
                    await stayer.close()
                    try await staying.value
                }
                for id in queues.map(\.queueId) {
                    let numbers = await inbox.messages.filter { $0.queueId == id }.compactMap { Int($0.text) }
                    // Where it goes back, it goes on from there without a gap.
                    var seen: Set<Int> = []
                    for number in numbers {
                        #expect(number < queues.count || seen.contains(number - queues.count), "queue \(id): \(number) came too early")
                        seen.insert(number)
                    }
                }
                #expect(await inbox.count < total + total / 4)
            }
        }
    }

    @Test func anOrderedQueueStandsStillAtAFailureAndEndsWithTheDeadLetters() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_still")
                let queue = try #require(try await producer.queues(for: "Still").first)
                for text in ["1", "bad", "3"] { try await producer.send(Message(topic: "Still", text: text), to: queue) }
                var settings = ConsumerConfiguration.fromFirst
                settings.maxRedeliveries = 2
                settings.orderedSuspendInterval = .milliseconds(10)
                let consumer = try await client.makePushConsumer(group: "g_still", settings)
                try await consumer.subscribe(to: "Still")
                let inbox = Inbox()
                let running = Task {
                    try await consumer.runOrdered { messages in
                        await inbox.add(messages[0])
                        return messages[0].text == "bad" ? .suspendQueue : .success
                    }
                }
                try await eventually("the queue goes on") { await inbox.messages.last?.text == "3" }
                #expect(await inbox.messages.map { "\($0.text) \($0.reconsumeTimes)" } == ["1 0", "bad 0", "bad 1", "bad 2", "3 0"])
                let dead = MessageQueue(topic: "%DLQ%g_still", brokerName: queue.brokerName, queueId: 0)
                try await eventually("a dead letter") { (try? await client.admin.maxOffset(of: dead)) == 1 }
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aPausedConsumerGetsNothingUntilItIsResumed() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_pause")
                try await producer.send(Message(topic: "Pause", text: "before"))
                let consumer = try await client.makePushConsumer(group: "g_pause", .fromFirst)
                try await consumer.subscribe(to: "Pause")
                consumer.pause()
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                for number in 0..<20 { try await producer.send(Message(topic: "Pause", text: "\(number)")) }
                #expect(await inbox.count == 0)
                #expect(consumer.assignment.isEmpty)
                consumer.resume()
                try await eventually("all messages") { await inbox.count == 21 }
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aHandlerThatHangsLosesNothingAndTheGroupGoesOn() async throws {
        try await withCluster(Self.quickDelays) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_hang")
                for number in 0..<50 { try await producer.send(Message(topic: "Hang", text: "\(number)")) }
                var settings = ConsumerConfiguration.fromFirst
                settings.consumeTimeout = .milliseconds(400)
                settings.offsetPersistenceInterval = .milliseconds(100)
                let consumer = try await client.makePushConsumer(group: "g_hang", settings)
                try await consumer.subscribe(to: "Hang")
                let inbox = Inbox()
                let running = Task {
                    try await consumer.run { message in
                        await inbox.add(message)
                        if message.text == "7", message.reconsumeTimes == 0 { try await Task.sleep(for: .generous + .generous) }   // not a wait: it hangs
                        return .success
                    }
                }
                try await eventually("all, and one again") { await inbox.count == 51 }
                #expect(await inbox.bodies.count == 50)
                let queues = try await client.admin.route(of: "Hang").subscribeQueues
                try await eventually("every queue is done with") {
                    for queue in queues {
                        let end = try await client.admin.maxOffset(of: queue)
                        guard try await client.admin.committedOffset(group: "g_hang", queue: queue) == end || end == 0 else { return false }
                    }
                    return true
                }
                await consumer.close(gracePeriod: .milliseconds(100))
                try await running.value
            }
        }
    }

    @Test func aLoopSettlesWhatItTakes() async throws {
        try await withCluster(Self.quickDelays) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_loop")
                for number in 0..<20 { try await producer.send(Message(topic: "Loop", text: "\(number)")) }
                let consumer = try await client.makePushConsumer(group: "g_loop", .fromFirst)
                try await consumer.subscribe(to: "Loop")
                var texts: [String] = []
                for try await delivery in consumer.deliveries {
                    texts.append(delivery.message.text)
                    if delivery.message.text == "3", delivery.message.reconsumeTimes == 0 { delivery.retry() } else { delivery.acknowledge() }
                    if texts.count == 21 { break }
                }
                #expect(Set(texts).count == 20)
                #expect(texts.count { $0 == "3" } == 2)
                await consumer.close()
            }
        }
    }
}
