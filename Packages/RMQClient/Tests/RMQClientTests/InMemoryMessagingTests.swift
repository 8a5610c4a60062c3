import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Code that depends on the protocols alone runs against memory and against a cluster.
@Suite(.takesTurns) struct InMemoryMessagingTests {
    private struct Failure: Error {}

    /// What handlers saw.
    private final class Seen: Sendable {
        private let texts = Mutex<[String]>([])
        func add(_ text: String) { texts.withLock { $0.append(text) } }
        var all: [ByteText] { texts.withLock { $0.map { ByteText($0) } } }
    }

    @Test func everyGroupGetsEveryMessageOnceInOrder() async throws {
        let messaging = InMemoryMessaging()
        let producer = messaging.producer()
        try await producer.publish(Message(topic: "T", text: "early"))
        let seen = (Seen(), Seen())
        let consumers = (messaging.consumer(group: "a"), messaging.consumer(group: "b"))
        try await consumers.0.subscribe(to: "T", tags: nil)
        try await consumers.1.subscribe(to: "T", tags: ["blue"])
        let running = (
            Task { try await consumers.0.consume { seen.0.add($0.text) } }, Task { try await consumers.1.consume { seen.1.add($0.text) } }
        )
        try await producer.publish(Message(topic: "T", text: "red", tags: "red"))
        let id = try await producer.publish(Message(topic: "T", text: "blue", tags: "blue", keys: ["k"]))
        try await producer.publish(Message(topic: "U", text: "other"))
        try await eventually("both have what they want") { seen.0.all == ["early", "red", "blue"] && seen.1.all == ["blue"] }
        #expect(await messaging.settled())
        #expect(messaging.sent(to: "T").map(\.queueOffset) == [0, 1, 2])
        #expect(messaging.sent(to: "T").last?.messageId.isExactly(id) == true)
        await consumers.0.stop()
        await consumers.1.stop()
        try await running.0.value
        try await running.1.value
    }

    @Test func whatFailsComesAgainAndIsADeadLetterInTheEnd() async throws {
        let messaging = InMemoryMessaging(maxRedeliveries: 2)
        let consumer = messaging.consumer(group: "g")
        try await consumer.subscribe(to: "T", tags: nil)
        let seen = Seen()
        let running = Task {
            try await consumer.consume { message in
                seen.add("\(message.text)\(message.reconsumeTimes)")
                if message.text.isExactly("bad") { throw Failure() }
            }
        }
        try await messaging.producer().publish(Message(topic: "T", text: "bad"))
        try await messaging.producer().publish(Message(topic: "T", text: "good"))
        try await eventually("it is given up") { messaging.deadLetters(of: "g").count == 1 }
        #expect(await messaging.settled())
        #expect(Set(seen.all) == ["bad0", "good0", "bad1", "bad2"])
        await consumer.stop()
        try await running.value
    }

    @Test func membersShareAndWhatOneLeavesAnotherTakes() async throws {
        let messaging = InMemoryMessaging()
        let first = messaging.consumer(group: "g")
        try await first.subscribe(to: "T", tags: nil)
        let seen = Seen()
        let running = Task { try await first.consume { seen.add($0.text) } }
        try await messaging.producer().publish(Message(topic: "T", text: "1"))
        try await eventually("the first has it") { seen.all == ["1"] }
        running.cancel()
        try await running.value
        try await messaging.producer().publish(Message(topic: "T", text: "2"))
        let second = messaging.consumer(group: "g")
        let other = Task { try await second.consume { seen.add($0.text) } }
        try await eventually("the second has the rest") { seen.all == ["1", "2"] }
        await second.stop()
        try await other.value
        let error = await #expect(throws: ClientError.self) { try await second.consume { _ in } }
        #expect(error?.code == .closed)
    }

    @Test func whatABrokerWouldRefuseIsRefused() async throws {
        let messaging = InMemoryMessaging()
        for message in [Message(topic: "T", body: []), Message(topic: "a/b", text: "x"), Message(topic: "SCHEDULE_TOPIC_XXXX", text: "x")] {
            await #expect(throws: ClientError.self) { try await messaging.producer().publish(message) }
        }
        #expect(messaging.sent(to: "T").isEmpty)
    }

    @Test func settledSaysWhenItIsNot() async throws {
        let messaging = InMemoryMessaging()
        let consumer = messaging.consumer(group: "g")
        try await consumer.subscribe(to: "T", tags: nil)
        let gate = AsyncStream<Void>.makeStream()
        let running = Task { try await consumer.consume { _ in for await _ in gate.stream { break } } }
        try await messaging.producer().publish(Message(topic: "T", text: "x"))
        try await eventually("it is in hand") { !(await messaging.settled(within: .milliseconds(5))) }
        gate.continuation.yield()
        #expect(await messaging.settled())
        await consumer.stop()
        try await running.value
    }

    /// The same code with a client.
    private func echo(from producer: some MessageProducer, to consumer: some MessageConsumer, _ seen: Seen) async throws {
        try await consumer.subscribe(to: "T", tags: nil)
        let running = Task { try await consumer.consume { seen.add($0.text) } }
        try await eventually("it came") { !seen.all.isEmpty }
        try await producer.publish(Message(topic: "T", text: "sent"))
        await consumer.stop()
        try await running.value
    }

    @Test func aClientsProducerAndConsumerFit() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["there"])
            try await cluster.withClient { client in
                var settings = ConsumerConfiguration()
                settings.start = .first
                let seen = Seen()
                try await echo(from: client.makeProducer(group: "pg"), to: client.makePushConsumer(group: "cg", settings), seen)
                #expect(seen.all == ["there"])
                #expect(cluster.asked(.sendMessageV2).count == 1)
            }
        }
    }
}
