@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// What a push consumer asks of brokers, and how it hands messages out.
@Suite(.takesTurns) struct ConsumeTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    // MARK: What brokers are told

    @Test func heartbeatsAndPullsSayWhatTheReferencesDo() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await cluster.withClient { client in
                _ = try await client.makeProducer(group: "p")
                let consumer = try await client.makePushConsumer(group: "c", .quick())
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
                let consumer = try await client.makePushConsumer(group: "c", .quick { $0.offsetPersistenceInterval = .seconds(300) })
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

    @Test func aGroupThatBrokersDoNotKnowIsToldInTheLog() async throws {
        let sink = MemorySink()
        try await withFakeCluster { _, command in
            command.requestCode == .pullMessage ? .answer(.response(.subscriptionGroupNotExist, remark: "subscription group [c] does not exist")) : .usual
        } _: { cluster in
            try await cluster.withClient { $0.logger = Logger(category: "client", level: .warning, sink: sink) } _: { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
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

    // MARK: What is handed out

    @Test func aMessageThatFailedComesAgainUntilItSucceeds() async throws {
        try await withFakeCluster(topics: ["T": 1, "%RETRY%c": 1]) { cluster in
            cluster.fill("T", with: ["only"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let seen = Handled()
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
                let consumer = try await client.makePushConsumer(group: "c", .quick { limit(&$0.cache) })
                try await consumer.subscribe(to: "T")
                let gate = SerialGate()
                let seen = Handled()
                let blocked = Task { await gate.run { await untilCancelled() } }
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
}
