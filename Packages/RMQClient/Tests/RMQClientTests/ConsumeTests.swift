@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

@Suite(.takesTurns) struct ConsumeTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    /// What a handler saw, in the order of arrival.
    private final class Seen: Sendable {
        private let messages = Mutex<[StoredMessage]>([])
        func add(_ message: StoredMessage) { messages.withLock { $0.append(message) } }
        var texts: [String] { messages.withLock { $0.map(\.text) } }
        var topics: [String] { messages.withLock { $0.map(\.topic) } }
        var reconsumeTimes: [Int32] { messages.withLock { $0.map(\.reconsumeTimes) } }
    }

    /// Waits until the task is cancelled; when that does not happen, until the test has failed for it.
    private static func untilCancelled() async { try? await Task.sleep(for: .generous + .generous) }   // not a wait of the test

    private func quick(_ adjust: (inout ConsumerConfiguration) -> Void = { _ in }) -> ConsumerConfiguration {
        var configuration = ConsumerConfiguration()
        configuration.start = .first
        configuration.rebalanceInterval = .milliseconds(50)
        configuration.offsetPersistenceInterval = .milliseconds(50)
        configuration.redeliveryDelay = .milliseconds(1)
        configuration.errorDelay = .milliseconds(20)
        adjust(&configuration)
        return configuration
    }

    private func error(of work: () async throws(ClientError) -> Void) async -> ClientError.Code? {
        do { try await work(); return nil } catch { return error.code }
    }

    // MARK: What brokers are told

    @Test func heartbeatsAndPullsSayWhatTheReferencesDo() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await cluster.withClient { client in
                _ = try await client.makeProducer(group: "p")
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T", SubscriptionFilter("AaAa || green"))
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("a pull") { cluster.asked(.pullMessage).count >= 2 }

                let heartbeat = try HeartbeatData(body: try #require(cluster.asked(.heartBeat).first).body)
                #expect(heartbeat.clientId == client.clientId)
                #expect(heartbeat.producers.map(\.group) == ["p", "CLIENT_INNER_PRODUCER"])
                let data = try #require(heartbeat.consumers.first)
                #expect(heartbeat.consumers.count == 1)
                #expect(data.group == "c")
                #expect(data.consumeType == .passively)
                #expect(!data.unitMode)
                #expect(data.messageModel == .clustering)
                #expect(data.consumeFromWhere == .firstOffset)
                #expect(data.subscriptions.map(\.topic) == ["%RETRY%c", "T"])
                #expect(data.subscriptions[0].expression == "*")
                let subscription = data.subscriptions[1]
                #expect(subscription.expression == "AaAa || green")
                #expect(subscription.tags == ["AaAa", "green"])
                #expect(subscription.expressionType == "TAG")
                #expect(subscription.tagCodes == [JavaString.hash("AaAa"), JavaString.hash("green")].sorted())

                let pull = try #require(cluster.asked(.pullMessage).first).header(PullMessageHeader.self)
                #expect(pull.queueOffset == 0)
                #expect(pull.maxMessages == 32)
                #expect(pull.suspendTimeoutMillis == 15_000)
                #expect(pull.flags == .suspends)
                #expect(pull.commitOffset == 0)
                #expect(pull.subscription == nil)
                #expect(pull.subscriptionVersion == subscription.version)
                #expect(subscription.version > 0)
                await consumer.close()
                try await running.value
            }
            let left = try cluster.asked(.unregisterClient).map { try $0.header(UnregisterClientHeader.self) }
            #expect(Set(left.map { "\($0.producerGroup ?? "-") \($0.consumerGroup ?? "-")" }) == ["- c", "p -"])
            try await eventually("no connection is left") { cluster.connectionCount == 0 }
        }
    }

    @Test func pullsCarryTheOffsetOfWhatIsDone() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick { $0.offsetPersistenceInterval = .seconds(300) })
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("a pull that commits") {
                    try cluster.asked(.pullMessage).contains { command in
                        let pull = try command.header(PullMessageHeader.self)
                        return pull.flags == [.suspends, .commitsOffset] && pull.commitOffset == 3
                    }
                }
                running.cancel()
                try await running.value
            }
        }
    }

    // MARK: Offsets

    @Test func nothingIsCommittedBeforeItIsHandled() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: (0..<10).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let gate = SerialGate()
                let seen = Seen()
                let blocked = Task { await gate.run { await Self.untilCancelled() } }
                let running = Task {
                    try await consumer.run { message in
                        seen.add(message)
                        if message.text == "4" { await gate.run {} }
                        return .success
                    }
                }
                try await eventually("all but one are done, and stored") { seen.texts.count == 10 && cluster.offset(of: Self.queue) == 4 }
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                #expect(cluster.offset(of: Self.queue) == 4)
                blocked.cancel()
                try await eventually("the rest is stored") { cluster.offset(of: Self.queue) == 10 }
                await consumer.close()
                try await running.value
                #expect(seen.texts.sorted() == (0..<10).map { "\($0)" })
            }
        }
    }

    @Test func offsetsAreStoredBeforeTheGroupIsLeftAndNothingComesAfter() async throws {
        try await withFakeCluster(brokers: ["a", "b"], topics: ["T": 2]) { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick { $0.offsetPersistenceInterval = .seconds(300) })
                try await consumer.subscribe(to: "T")
                let seen = Seen()
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                try await eventually("both messages") { seen.texts.count == 2 }
                await consumer.close()
                try await running.value
                #expect(cluster.offset(of: Self.queue) == 2)
                let codes = cluster.state.withLock { $0.asked.filter { $0.server == "a" }.map(\.command.requestCode) }
                let last = try #require(codes.lastIndex(of: .updateConsumerOffset))
                #expect(codes[(last + 1)...].contains(.unregisterClient))
                let leaving = try #require(codes.firstIndex(of: .unregisterClient))
                #expect(Set(codes[leaving...]) == [.unregisterClient])
            }
        }
    }

    /// A broker that is slow to store an offset must not see an old one after a newer one, nor one of a queue that was given up.
    @Test func offsetsOfAQueueGoForwardWhileItIsGivenUp() async throws {
        try await withFakeCluster { _, command in
            command.requestCode == .updateConsumerOffset ? .late(.milliseconds(100)) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick { $0.offsetPersistenceInterval = .milliseconds(5) })
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("the queue is held") { !consumer.assignment.isEmpty }
                for number in 0..<40 {
                    cluster.fill("T", with: ["\(number)"])
                    try await eventually("message \(number)") { consumer.offsets[Self.queue] == Int64(number) + 1 }
                }
                cluster.state.withLock { $0.members = ["somebody else"] }
                try await eventually("the queue is given up") { consumer.assignment.isEmpty && consumer.offsets[Self.queue] == nil }
                let count = cluster.asked(.updateConsumerOffset).count
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                let offsets = try cluster.asked(.updateConsumerOffset).map { try $0.header(UpdateConsumerOffsetHeader.self).commitOffset }
                #expect(offsets == offsets.sorted())
                #expect(offsets.last == 40)
                #expect(offsets.count == count)
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func anOffsetThatABrokerDidNotTakeIsSentAgain() async throws {
        let refusals = Mutex(2)
        try await withFakeCluster { _, command in
            guard command.requestCode == .updateConsumerOffset else { return .usual }
            let isRefused = refusals.withLock { left in
                left -= 1
                return left >= 0
            }
            return isRefused ? .answer(.response(.systemError, remark: "not now")) : .usual
        } _: { cluster in
            cluster.fill("T", with: ["only"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                // Nothing else is settled that could move the offset.
                try await eventually("the offset is stored") { cluster.offset(of: Self.queue) == 1 }
                let sent = try cluster.asked(.updateConsumerOffset).map { try $0.header(UpdateConsumerOffsetHeader.self).commitOffset }
                #expect(sent == [1, 1, 1])
                await consumer.close()
                try await running.value
            }
        }
    }

    // MARK: Deliveries

    @Test func aDeliveryIsSettledOnce() async throws {
        try await withFakeCluster(topics: ["T": 1, "%RETRY%c": 1]) { cluster in
            cluster.fill("T", with: (0..<6).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick { $0.maxConcurrency = 2 })
                try await consumer.subscribe(to: "T")
                var deliveries = consumer.deliveries.makeAsyncIterator()
                let first = try #require(try await deliveries.next())
                for _ in 0..<3 { first.acknowledge() }
                first.retry()
                // Were it counted four times, there would be room for five now.
                let second = try #require(try await deliveries.next())
                let third = try #require(try await deliveries.next())
                #expect(["0", "1", "2"] == [first, second, third].map(\.message.text))
                let next = Task { try await consumer.deliveries.first { _ in true } }
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                next.cancel()
                #expect(try await next.value == nil)
                second.retry()
                second.retry()
                second.acknowledge()
                var rest: [Delivery] = []
                while rest.count < 4 {
                    let delivery = try #require(try await deliveries.next())
                    delivery.acknowledge()
                    rest.append(delivery)
                }
                #expect(rest.map(\.message.text).sorted() == ["1", "3", "4", "5"])
                #expect(rest.filter { $0.message.text == "1" }.map(\.message.reconsumeTimes) == [1])
                third.acknowledge()
                await consumer.close()
                #expect(cluster.offset(of: Self.queue) == 6)
            }
        }
    }

    @Test func aMessageThatFailedComesAgainUntilItSucceeds() async throws {
        try await withFakeCluster(topics: ["T": 1, "%RETRY%c": 1]) { cluster in
            cluster.fill("T", with: ["only"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let seen = Seen()
                let running = Task {
                    try await consumer.run { message in
                        seen.add(message)
                        switch message.reconsumeTimes {
                        case 0: throw CancellationError()
                        case 1: return .retry
                        default: return .success
                        }
                    }
                }
                try await eventually("success") { cluster.offset(of: Self.queue) == 1 && seen.texts.count == 3 }
                #expect(seen.reconsumeTimes == [0, 1, 2])
                #expect(seen.topics == ["T", "T", "T"])
                try await eventually("both retries are done with") {
                    cluster.offset(of: MessageQueue(topic: "%RETRY%c", brokerName: "a", queueId: 0)) == 2
                }
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test(arguments: [
        { $0.messagesPerQueue = 10 }, { $0.bytesPerQueue = 10 }, { $0.maxOffsetSpan = 10 },
    ] as [@Sendable (inout CacheLimits) -> Void])
    func pullingPausesWhileTheCacheIsFull(limit: @Sendable (inout CacheLimits) -> Void) async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: (0..<200).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick { limit(&$0.cache) })
                try await consumer.subscribe(to: "T")
                let gate = SerialGate()
                let seen = Seen()
                let blocked = Task { await gate.run { await Self.untilCancelled() } }
                let running = Task {
                    try await consumer.run { message in
                        await gate.run {}
                        seen.add(message)
                        return .success
                    }
                }
                try await eventually("a pull") { !cluster.asked(.pullMessage).isEmpty }
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                #expect(cluster.asked(.pullMessage).count == 1)
                blocked.cancel()
                try await eventually("everything") { Set(seen.texts).count == 200 }
                #expect(seen.texts.count == 200)
                await consumer.close()
                try await running.value
            }
        }
    }

    // MARK: Ending

    @Test func closingLetsAHandlerFinishAndCancelsItAfterTheGracePeriod() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["patient", "endless"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let (seen, cancelled) = (Seen(), Seen())
                let running = Task {
                    try await consumer.run { message in
                        seen.add(message)
                        if message.text == "endless" {
                            await Self.untilCancelled()
                            cancelled.add(message)
                            throw CancellationError()
                        }
                        while consumer.isRunning { await Task.yield() }
                        return .success
                    }
                }
                try await eventually("both are being handled") { seen.texts.count == 2 }
                await consumer.close(gracePeriod: .milliseconds(300))
                try await running.value
                #expect(cancelled.texts == ["endless"])
                // The one that finished is stored, the other comes again to somebody else.
                #expect(cluster.offset(of: Self.queue) == 1)
            }
        }
    }

    @Test func cancellingRunLeavesTheGroupAndLosesNothing() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["done", "endless"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let running = Task {
                    try await consumer.run { message in
                        if message.text == "endless" {
                            await Self.untilCancelled()
                            throw CancellationError()
                        }
                        return .success
                    }
                }
                try await eventually("the first is stored") { cluster.offset(of: Self.queue) == 1 }
                running.cancel()
                try await running.value
                #expect(cluster.asked(.unregisterClient).count == 1)
                #expect(cluster.offset(of: Self.queue) == 1)
                #expect(await error { () throws(ClientError) in try await consumer.run { _ in .success } } == .closed)
                #expect(await error { () throws(ClientError) in for try await _ in consumer.deliveries {} } == .closed)
            }
        }
    }

    @Test func runIsForOneCallerAtATime() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("it runs") { consumer.isRunning }
                #expect(await error { () throws(ClientError) in try await consumer.run { _ in .success } } == .alreadyRunning)
                await consumer.close()
                try await running.value
                // The group is free again.
                _ = try await client.makePushConsumer(group: "c", quick())
            }
        }
    }

    @Test func aClosedConsumerIsNotAnnouncedAgain() async throws {
        try await withFakeCluster { _, command in command.requestCode == .heartBeat ? .late(.milliseconds(30)) : .usual } _: { cluster in
            try await cluster.withClient { $0.heartbeatInterval = .milliseconds(1) } _: { client in
                _ = try await client.makeProducer(group: "p")
                for number in 0..<5 {
                    let consumer = try await client.makePushConsumer(group: "c\(number)", quick())
                    try await consumer.subscribe(to: "T")
                    let running = Task { try await consumer.run { _ in .success } }
                    try await eventually("it holds a queue") { !consumer.assignment.isEmpty }
                    await consumer.close()
                    try await running.value
                    let count = cluster.asked(.heartBeat).count
                    try await eventually("two more heartbeats, of the producer") { cluster.asked(.heartBeat).count >= count + 2 }
                    let asked = cluster.state.withLock { $0.asked.map(\.command) }
                    let left = try #require(asked.lastIndex { $0.requestCode == .unregisterClient })
                    let after = try asked[left...].filter { $0.requestCode == .heartBeat }.map { try HeartbeatData(body: $0.body) }
                    #expect(after.allSatisfy { $0.consumers.isEmpty })
                }
            }
        }
    }

    @Test func aClosedConsumerIsFreed() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1"])
            weak var leaked: PushConsumer?
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                leaked = consumer
                try await consumer.subscribe(to: "T")
                let seen = Seen()
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                try await eventually("the message") { seen.texts == ["1"] }
                await consumer.close()
                try await running.value
            }
            try await eventually("it is freed") { leaked == nil }
        }
    }

    // MARK: Routes and members

    @Test func aNameServerThatStartsLaterIsFound() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1"])
            cluster.stop(FakeCluster.nameServer)
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let seen = Seen()
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                let producer = try await client.makeProducer(group: "p")
                #expect(await error { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) } == .connectionFailed)
                try cluster.start(FakeCluster.nameServer)
                try await eventually("the message") { seen.texts == ["1"] }
                try await producer.send(Message(topic: "T", text: "x"))
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func newQueuesAreTakenAsSoonAsTheRouteTells() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { $0.routeRefreshInterval = .milliseconds(50) } _: { client in
                // No rebalance by itself within the test.
                let consumer = try await client.makePushConsumer(group: "c", quick { $0.rebalanceInterval = .seconds(300) })
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("one queue") {
                    consumer.wakeRebalance()
                    return consumer.assignment.count == 1
                }
                cluster.state.withLock { $0.topics["T"] = 4 }
                try await eventually("four queues") { consumer.assignment.count == 4 }
                cluster.state.withLock { $0.topics["T"] = 2 }
                try await eventually("two queues") { consumer.assignment.map(\.queueId).sorted() == [0, 1] }
                await consumer.close()
                try await running.value
            }
        }
    }

    /// A producer sends to the queues that a topic will have; there is nothing to read from them before it has them.
    @Test func aTopicThatDoesNotExistYetIsNotPulled() async throws {
        try await withFakeCluster(topics: ["TBW102": 8]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                #expect(try await producer.queues(for: "New").count == 4)
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "New")
                let running = Task { try await consumer.run { _ in .success } }
                let routes = cluster.asked(.getRouteinfoByTopic).count
                try await eventually("some rebalances") { cluster.asked(.getRouteinfoByTopic).count > routes + 6 }
                #expect(consumer.assignment.isEmpty)
                #expect(cluster.asked(.pullMessage).isEmpty)
                cluster.state.withLock { $0.topics["New"] = 2 }
                try await eventually("its queues") { consumer.assignment.count == 2 }
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aBrokerThatDoesNotAnswerHoldsUpNoOther() async throws {
        try await withFakeCluster(brokers: ["a", "b"], topics: ["T": 8]) { broker, command in
            broker == "b" && command.requestCode == .queryConsumerOffset ? .silent : .usual
        } _: { cluster in
            cluster.fill("T", queue: 7, with: ["1"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let seen = Seen()
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                // One after the other, the eight queues of the silent broker would take 40 s.
                try await eventually("the message of the other broker") { seen.texts == ["1"] }
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aGroupThatBrokersDoNotKnowIsToldInTheLog() async throws {
        let sink = MemorySink()
        try await withFakeCluster { _, command in
            command.requestCode == .pullMessage ? .answer(.response(.subscriptionGroupNotExist, remark: "subscription group [c] does not exist")) : .usual
        } _: { cluster in
            try await cluster.withClient { $0.logger = Logger(category: "client", level: .warning, sink: sink) } _: { client in
                let consumer = try await client.makePushConsumer(group: "c", quick())
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("a line about it") {
                    sink.messages.contains { $0.contains("group c") && $0.contains("subscription group [c] does not exist") }
                }
                await consumer.close()
                try await running.value
            }
        }
    }
}
