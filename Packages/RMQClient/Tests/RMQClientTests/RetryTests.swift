@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// What becomes of messages that a group fails to consume.
@Suite(.takesTurns) struct RetryTests {
    private static let topics: [String: Int32] = ["T": 1, "%RETRY%c": 1]
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    // MARK: Sending back

    @Test(arguments: [
        (ConsumeResult.retry, nil, Int32(0), Int32(16)), (.retry(after: .level(7)), 3, 7, 3), (.deadLetter, nil, -1, 16),
    ] as [(ConsumeResult, Int?, Int32, Int32)])
    func aFailedMessageGoesBackToItsBroker(result: ConsumeResult, most: Int?, level: Int32, limit: Int32) async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["good", "bad"])
            try await withConsumer(of: cluster, .quick { $0.maxRedeliveries = most }) { consumer in
                try await consumer.run { $0.text == "bad" && $0.reconsumeTimes == 0 ? result : .success }
            } _: { consumer in
                try await eventually("the queue is done with") { cluster.offset(of: Self.queue) == 2 }
            }
            let back = try #require(cluster.asked(.consumerSendMsgBack).first).header(SendBackHeader.self)
            #expect(cluster.asked(.consumerSendMsgBack).count == 1)
            #expect(back.physicalOffset == 100)
            #expect(back.group == "c")
            #expect(back.delayLevel == level)
            #expect(back.originMessageId == "id-bad")
            #expect(back.originTopic == "T")
            #expect(!back.unitMode)
            #expect(back.maxReconsumeTimes == limit)
            #expect(back.brokerName == "a")
            #expect(cluster.texts(in: level < 0 ? "%DLQ%c" : "%RETRY%c") == ["bad"])
        }
    }

    @Test func aMessageThatAlwaysFailsEndsWithTheDeadLetters() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["bad"])
            let seen = Handled()
            try await withConsumer(of: cluster, .quick { $0.maxRedeliveries = 3 }) { consumer in
                try await consumer.run { message in
                    seen.add(message)
                    throw CancellationError()
                }
            } _: { _ in
                try await eventually("a dead letter") { cluster.texts(in: "%DLQ%c") == ["bad"] }
            }
            #expect(seen.reconsumeTimes == [0, 1, 2, 3])
            // Each time under the topic that it was sent to.
            #expect(seen.topics == ["T", "T", "T", "T"])
        }
    }

    @Test func aMessageThatItsBrokerDoesNotTakeBackIsSentToTheRetryTopic() async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in
            command.requestCode == .consumerSendMsgBack ? .answer(.response(.systemError, remark: "no")) : .usual
        } _: { cluster in
            cluster.fill("T", with: ["bad"])
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { _ in .retry }
            } _: { _ in
                try await eventually("the queue is done with") { cluster.offset(of: Self.queue) == 1 }
            }
            let command = try #require(cluster.asked(.sendMessageV2).first)
            let header = try command.header(SendMessageHeaderV2.self).message
            #expect(cluster.asked(.sendMessageV2).count == 1)
            #expect(header.producerGroup == "CLIENT_INNER_PRODUCER")
            #expect(header.topic == "%RETRY%c")
            #expect(header.reconsumeTimes == 1)
            #expect(header.maxReconsumeTimes == 16)
            let properties = MessageProperties(decoding: Array((header.properties ?? "").utf8))
            #expect(properties["RETRY_TOPIC"] == "T")
            #expect(properties["UNIQ_KEY"] == "id-bad")
            #expect(properties["DELAY"] == "3")
            #expect(properties["ORIGIN_MESSAGE_ID"] != nil)
            #expect(properties["MIN_OFFSET"] == nil)
            #expect(command.body == Array("bad".utf8))
        }
    }

    @Test func aMessageThatNoBrokerTakesComesAgainHereAndHoldsBackItsQueue() async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in
            command.requestCode == .consumerSendMsgBack || command.requestCode == .sendMessageV2
                ? .answer(.response(.systemError, remark: "no")) : .usual
        } _: { cluster in
            cluster.fill("T", with: ["1", "bad", "3"])
            let seen = Handled()
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { message in
                    seen.add(message)
                    return message.text == "bad" ? .retry : .success
                }
            } _: { consumer in
                try await eventually("it comes again") { seen.times("bad") >= 4 }
                #expect(cluster.offset(of: Self.queue) ?? 0 <= 1)
                let times = zip(seen.texts, seen.reconsumeTimes).filter { $0.0 == "bad" }.map(\.1)
                #expect(Array(times.prefix(4)) == [0, 1, 2, 3])
                cluster.behave { _, _ in .usual }
                try await eventually("the queue goes on") { cluster.offset(of: Self.queue) == 3 }
            }
            #expect(seen.times("1") == 1)
            #expect(seen.times("3") == 1)
        }
    }

    @Test func anUnreadableBodyIsAMatterOfItsMessageAlone() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["1", "packed", "3"])
            // A kind of compression that does not exist.
            cluster.state.withLock { $0.messages[Self.queue]?[1].systemFlag = SystemFlag(rawValue: 0x401) }
            let seen = Handled()
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { message in
                    seen.add(message)
                    return .success
                }
            } _: { _ in
                try await eventually("the queue is done with") { cluster.offset(of: Self.queue) == 3 }
                try await eventually("as often as it may") { cluster.texts(in: "%DLQ%c").count == 1 }
            }
            #expect(seen.texts.sorted() == ["1", "3"])
        }
    }

    // MARK: Handlers that take too long

    @Test func aMessageWhoseHandlerHangsGoesBackAndItsResultDoesNotCount() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["1", "slow", "3"])
            let (seen, barrier) = (Handled(), Barrier())
            try await withConsumer(of: cluster, .quick { $0.consumeTimeout = .milliseconds(200) }) { consumer in
                try await consumer.run { message in
                    seen.add(message)
                    guard message.text == "slow", message.reconsumeTimes == 0 else { return .success }
                    await barrier.pass()
                    return .retry
                }
            } _: { _ in
                try await eventually("the queue goes on") { cluster.offset(of: Self.queue) == 3 }
                try await eventually("it comes again") { seen.times("slow") == 2 }
                barrier.open()
            }
            let back = try cluster.asked(.consumerSendMsgBack).map { try $0.header(SendBackHeader.self) }
            #expect(back.map(\.delayLevel) == [3])
            #expect(seen.texts.sorted() == ["1", "3", "slow", "slow"])
        }
    }

    @Test func aDeliveryThatNobodySettlesGoesBackAndItsPlaceIsFree() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["lost", "2"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick { configuration in
                    configuration.consumeTimeout = .milliseconds(200)
                    configuration.maxConcurrency = 1
                })
                try await consumer.subscribe(to: "T")
                var deliveries = consumer.deliveries.makeAsyncIterator()
                let lost = try #require(try await deliveries.next())
                #expect(lost.message.text == "lost")
                var texts: [String] = []
                while texts.count < 2 {
                    let next = try #require(try await deliveries.next())
                    texts.append("\(next.message.text) \(next.message.reconsumeTimes)")
                    next.acknowledge()
                }
                #expect(Set(texts) == ["2 0", "lost 1"])
                lost.acknowledge()
                await consumer.close()
                #expect(cluster.offset(of: Self.queue) == 2)
            }
        }
    }

    @Test func aHandlerThatHangsHoldsUpNoOtherMessageAndPullingStopsAtTheSpan() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: (0..<300).map { "\($0)" })
            let (seen, barrier) = (Handled(), Barrier())
            try await withConsumer(of: cluster, .quick { $0.cache.maxOffsetSpan = 100 }) { consumer in
                try await consumer.run { message in
                    if message.text == "0" { await barrier.pass() }
                    seen.add(message)
                    return .success
                }
            } _: { _ in
                // The span may be passed by one pull.
                try await eventually("what may be pulled is handled") { (100...160).contains(seen.texts.count) && barrier.arrived == 1 }
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                #expect(seen.texts.count < 160)
                #expect(cluster.offset(of: Self.queue) ?? 0 == 0)
                barrier.open()
                try await eventually("everything") { cluster.offset(of: Self.queue) == 300 }
            }
            #expect(Set(seen.texts).count == 300)
            #expect(seen.texts.count == 300)
        }
    }

    // MARK: Broadcasting

    @Test func aBroadcastMessageThatFailsIsLoggedAndDone() async throws {
        let folder = try TemporaryFolder()
        let sink = MemorySink()
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["bad", "good"])
            let seen = Handled()
            try await withConsumer(of: cluster, .quick { $0.model = .broadcasting(offsetDirectory: folder.path) }) {
                $0.logger = Logger(category: "client", level: .warning, sink: sink)
            } run: { consumer in
                try await consumer.run { message in
                    seen.add(message)
                    return message.text == "bad" ? .retry : .success
                }
            } _: { consumer in
                try await eventually("both are done with") { consumer.runningQueues[Self.queue]?.commitOffset == 2 }
            }
            #expect(seen.texts.sorted() == ["bad", "good"])
            #expect(cluster.asked(.consumerSendMsgBack).isEmpty)
            #expect(sink.messages.contains { $0.contains("id-bad") && $0.contains("dropped") })
        }
    }
}
