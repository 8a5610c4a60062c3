@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// What is in hand when its queue is taken away, and what goes back unread.
@Suite(.takesTurns) struct SettlingTests {
    private static let topics: [String: Int32] = ["T": 1, "%RETRY%c": 1]
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)
    private static let retryQueue = MessageQueue(topic: "%RETRY%c", brokerName: "a", queueId: 0)

    // MARK: Deliveries

    @Test func aDeliveryIsSettledOnce() async throws {
        try await withFakeCluster(topics: ["T": 1, "%RETRY%c": 1]) { cluster in
            cluster.fill("T", with: (0..<6).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick { $0.maxConcurrency = 2 })
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

    @Test func aDeliveryWhoseQueueWasTakenAwayGivesItsPlaceBackAfterTheTimeOut() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            cluster.fill("T", queue: 0, with: ["lost"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick { configuration in
                    configuration.consumeTimeout = .seconds(1)
                    configuration.maxConcurrency = 1
                })
                try await consumer.subscribe(to: "T")
                var deliveries = consumer.deliveries.makeAsyncIterator()
                let lost = try #require(try await deliveries.next())
                #expect(lost.message.text == "lost")
                cluster.state.withLock { $0.members = ["0", client.clientId] }
                let other = MessageQueue(topic: "T", brokerName: "a", queueId: 1)
                try await eventually("its queue was taken away") { consumer.assignment == [other] }
                cluster.fill("T", queue: 1, with: ["next"])
                let texts = Lines()
                let loop = Task {
                    for try await delivery in consumer.deliveries {
                        texts.add(delivery.message.text)
                        delivery.acknowledge()
                    }
                }
                try await eventually("the place is free for the next") { texts.texts == ["next"] }
                // It ended long ago, and gives no second place back.
                lost.acknowledge()
                await consumer.close()
                try await loop.value
                #expect(cluster.asked(.consumerSendMsgBack).isEmpty)
            }
        }
    }

    @Test func aDeliveryThatIsSettledAfterItsQueueWasTakenAwayFreesItsPlaceAtOnce() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            cluster.fill("T", queue: 0, with: ["late", "back"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick { $0.maxConcurrency = 2 })
                try await consumer.subscribe(to: "T")
                var deliveries = consumer.deliveries.makeAsyncIterator()
                let (first, second) = (try #require(try await deliveries.next()), try #require(try await deliveries.next()))
                cluster.state.withLock { $0.members = ["0", client.clientId] }
                try await eventually("their queue was taken away") { consumer.assignment.map(\.queueId) == [1] }
                first.acknowledge()
                second.retry()
                cluster.fill("T", queue: 1, with: ["3", "4"])
                let third = try #require(try await deliveries.next())
                let fourth = try #require(try await deliveries.next())
                #expect([third, fourth].map(\.message.text) == ["3", "4"])
                third.acknowledge()
                fourth.acknowledge()
                await consumer.close()
                // Both are another member's.
                #expect(cluster.offset(of: Self.queue) == nil)
                #expect(cluster.asked(.consumerSendMsgBack).isEmpty)
            }
        }
    }

    // MARK: Bodies that cannot be restored

    /// Of a kind that does not exist, and damaged.
    @Test(arguments: [Int32(0x401), 0x301])
    func anUnreadableBodyThatItsBrokerDoesNotTakeBackIsSentOnAsItIs(flag: Int32) async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in
            command.requestCode == .consumerSendMsgBack ? .answer(.response(.systemError, remark: "no")) : .usual
        } _: { cluster in
            cluster.fill("%RETRY%c", with: ["packed"])
            cluster.state.withLock { state in
                state.messages[Self.retryQueue]?[0].systemFlag = SystemFlag(rawValue: flag)
                state.messages[Self.retryQueue]?[0].properties["RETRY_TOPIC"] = "T"
                state.messages[Self.retryQueue]?[0].reconsumeTimes = 2
            }
            try await withConsumer(of: cluster, .quick { $0.maxRedeliveries = 5 }) { consumer in
                try await consumer.run { _ in .success }
            } _: { _ in
                try await eventually("the queue is done with") { cluster.offset(of: Self.retryQueue) == 1 }
            }
            let back = try #require(cluster.asked(.consumerSendMsgBack).first).header(SendBackHeader.self)
            #expect(back.originTopic == "T")
            #expect(back.maxReconsumeTimes == 5)
            let command = try #require(cluster.asked(.sendMessageV2).first)
            let header = try command.header(SendMessageHeaderV2.self).message
            #expect(command.body == Array("packed".utf8))
            #expect(header.systemFlag == flag)
            #expect(header.topic == "%RETRY%c")
            #expect(header.reconsumeTimes == 3)
            #expect(header.maxReconsumeTimes == 5)
            #expect(MessageProperties(decoding: Array((header.properties ?? "").utf8))["RETRY_TOPIC"] == "T")
        }
    }

    @Test func aReadableBodyThatGoesBackIsNotCalledCompressed() async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in
            command.requestCode == .consumerSendMsgBack ? .answer(.response(.systemError, remark: "no")) : .usual
        } _: { cluster in
            cluster.fill("T", with: ["packed"])
            let packed = try Zlib.compress(Array("long and packed".utf8))
            cluster.state.withLock { state in
                state.messages[Self.queue]?[0].body = packed
                state.messages[Self.queue]?[0].systemFlag = .zlibBody
            }
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { $0.text == "long and packed" ? .retry : .success }
            } _: { _ in
                try await eventually("the queue is done with") { cluster.offset(of: Self.queue) == 1 }
            }
            let command = try #require(cluster.asked(.sendMessageV2).first)
            #expect(command.body == Array("long and packed".utf8))
            #expect(try command.header(SendMessageHeaderV2.self).message.systemFlag == 0)
        }
    }

    /// While one finds no place, its queue waits; the others are not sent back once more each time.
    @Test func anUnreadableMessageGoesBackOnce() async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in
            switch command.requestCode {
            case .sendMessageV2: .answer(.response(.systemError, remark: "no"))
            case .consumerSendMsgBack where (try? command.header(SendBackHeader.self).physicalOffset) == 100: .answer(.response(.systemError, remark: "no"))
            default: .usual
            }
        } _: { cluster in
            cluster.fill("T", with: ["packed", "homeless"])
            cluster.state.withLock { state in
                for index in 0..<2 { state.messages[Self.queue]?[index].systemFlag = SystemFlag(rawValue: 0x401) }
            }
            func timesBack(_ offset: Int64) throws -> Int {
                try cluster.asked(.consumerSendMsgBack).count { try $0.header(SendBackHeader.self).physicalOffset == offset }
            }
            try await withConsumer(of: cluster, .quick { $0.maxRedeliveries = 0 }) { consumer in
                try await consumer.run { _ in .success }
            } _: { _ in
                try await eventually("the second was tried some times") { try timesBack(100) >= 4 }
                #expect(try timesBack(0) == 1)
                // Still not to the retry topic: a try that was refused just now would end there.
                cluster.behave { _, command in command.requestCode == .sendMessageV2 ? .answer(.response(.systemError, remark: "no")) : .usual }
                try await eventually("the queue goes on") { cluster.offset(of: Self.queue) == 2 }
            }
            #expect(try timesBack(0) == 1)
            #expect(cluster.texts(in: "%DLQ%c") == ["packed", "homeless"])
        }
    }

    // MARK: Statistics

    @Test(arguments: [1, 4]) func theTimeOfAHandlerDoesNotCoverTheWayBack(batchSize: Int) async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in
            command.requestCode == .consumerSendMsgBack ? .late(.seconds(2)) : .usual
        } _: { cluster in
            try await withConsumer(of: cluster, .quick { $0.batchSize = batchSize }) { consumer in
                if batchSize == 1 {
                    try await consumer.run { $0.reconsumeTimes == 0 ? .retry : .success }
                } else {
                    try await consumer.runBatches { $0[0].reconsumeTimes == 0 ? .retry : .success }
                }
            } _: { consumer in
                let statistics = consumer.core.statistics
                statistics.takeSample(round: 0, now: .now)
                cluster.fill("T", with: ["bad"])
                try await eventually("it is back") { cluster.offset(of: Self.queue) == 1 }
                try await eventually("it was counted") {
                    statistics.takeSample(round: 1, now: .now)
                    return statistics.consumption(topic: "T", group: "c").failedPerSecond > 0
                }
                #expect(statistics.consumption(topic: "T", group: "c").handlerTime < .seconds(1))
            }
        }
    }
}
