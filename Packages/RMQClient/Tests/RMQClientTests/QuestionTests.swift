@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// What brokers ask of consumers and tell them.
@Suite(.takesTurns) struct QuestionTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    private func quick() -> ConsumerConfiguration {
        var configuration = ConsumerConfiguration()
        configuration.start = .first
        configuration.rebalanceInterval = .seconds(300)
        configuration.offsetPersistenceInterval = .milliseconds(20)
        return configuration
    }

    private func quickLite() -> LitePullConfiguration {
        var configuration = LitePullConfiguration()
        configuration.start = .first
        configuration.rebalanceInterval = .seconds(300)
        return configuration
    }

    private func status(of group: String, topic: String = "T") -> RemotingCommand {
        RemotingCommand(.getConsumerStatusFromClient, header: ConsumerStatusHeader {
            $0.topic = topic
            $0.group = group
        })
    }

    private func runningInfo(of group: String, client: String) -> RemotingCommand {
        RemotingCommand(.getConsumerRunningInfo, header: ConsumerRunningInfoHeader {
            $0.consumerGroup = group
            $0.clientId = client
        })
    }

    @Test func aNoticeOfMembersWakesTheRebalance() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            try await cluster.withClient { client in
                let lite = try await client.makeLitePullConsumer(group: "l", quickLite())
                try await lite.subscribe(to: "T")
                try await eventually("both queues") { lite.assignment.count == 2 }
                cluster.state.withLock { $0.members = ["0", client.clientId] }
                try cluster.tell(RemotingCommand(.notifyConsumerIdsChanged, header: ConsumerGroupHeader(consumerGroup: "l")), to: client.clientId)
                try await eventually("one queue") { lite.assignment.count == 1 }
            }
        }
    }

    @Test func offsetsAreToldAsTheClientKnowsThem() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g", quick())
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("both are handled") { consumer.offsets[Self.queue] == 2 }
                let answer = try await cluster.ask(status(of: "g"), of: client.clientId)
                #expect(answer.responseCode == .success)
                #expect(String(decoding: answer.body, as: UTF8.self)
                    == #"{"consumerTable":{},"messageQueueTable":{{"brokerName":"a","queueId":0,"topic":"T"}:2}}"#)
                let otherTopic = try await cluster.ask(status(of: "g", topic: "U"), of: client.clientId)
                #expect(try ConsumerStatus(body: otherTopic.body).queues == [:])
                let otherGroup = try await cluster.ask(status(of: "h"), of: client.clientId)
                #expect(otherGroup.responseCode == .success)
                #expect(try ConsumerStatus(body: otherGroup.body).queues == [:])
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aPushConsumerTellsOfItsQueues() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g", quick())
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("both are stored") { cluster.offset(of: Self.queue) == 2 }
                client.core.statistics.takeSample(round: 1, now: .now)
                let answer = try await cluster.ask(runningInfo(of: "g", client: client.clientId), of: client.clientId)
                let info = try ConsumerRunningInfo(body: answer.body)
                #expect(info.properties["PROP_CONSUME_TYPE"].isExactly("CONSUME_PASSIVELY"))
                #expect(info.properties["PROP_CONSUMEORDERLY"].isExactly("false"))
                #expect(info.properties["PROP_THREADPOOL_CORE_SIZE"].isExactly("20"))
                let queue = try #require(info.queues[Self.queue])
                #expect(queue.commitOffset == 2)
                #expect(queue.cachedCount == 0)
                #expect(!queue.isDropped)
                #expect(queue.lastPullTime > 0)
                #expect(queue.lastConsumeTime > 0)
                let status = try #require(info.status["T"])
                #expect(status.pulledPerSecond > 0)
                #expect(status.consumedPerSecond > 0)
                #expect(status.failedPerSecond == 0)
                #expect(Set(info.subscriptions.map { ByteText($0.topic) }) == ["%RETRY%g", "T"])
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aHandlerTakesAMessageThatItIsHandedDirectly() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g", quick())
                try await consumer.subscribe(to: "T")
                let running = Task {
                    try await consumer.run { message in
                        if message.text.isExactly("throw") { throw ClientError(.invalidMessage, "not this one") }
                        return message.text.isExactly("later") ? .retry : .success
                    }
                }
                try await eventually("a queue") { !consumer.assignment.isEmpty }
                for (text, result) in [("now", "CR_SUCCESS"), ("later", "CR_LATER"), ("throw", "CR_THROW_EXCEPTION")] {
                    let header = ConsumeDirectlyHeader {
                        $0.consumerGroup = "g"
                        $0.clientId = client.clientId
                        $0.brokerName = "a"
                    }
                    let body = MessageRecord.encode(StoredMessage(topic: "T", body: Array(text.utf8)))
                    let answer = try await cluster.ask(RemotingCommand(.consumeMessageDirectly, header: header, body: body), of: client.clientId)
                    let told = try ConsumeDirectlyResult(body: answer.body)
                    #expect(ByteText(told.result) == ByteText(result))
                    #expect(!told.isOrdered)
                    #expect(told.remark?.contains("not this one") == (text.isExactly("throw") ? true : nil))
                }
                #expect(consumer.offsets[Self.queue] ?? 0 == 0)
                #expect(cluster.asked(.consumerSendMsgBack).isEmpty)
                await consumer.close()
                try await running.value
            }
        }
    }

    /// Handlers that are at work must not overwrite the new offset, so it takes effect ten seconds later.
    @Test func aPushConsumerGoesOnWhereItIsTold() async throws {
        try await withFakeCluster(topics: ["T": 1, "U": 1]) { _, command in
            command.requestCode == .searchOffsetByTimestamp ? .answer(.response(.success, header: OffsetResponseHeader(offset: 1))) : .usual
        } _: { cluster in
            cluster.fill("T", with: ["0", "1"])
            cluster.fill("U", with: ["0", "1", "2"])
            let other = MessageQueue(topic: "U", brokerName: "a", queueId: 0)
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g", quick())
                try await consumer.subscribe(to: "T")
                let told = try await client.makePushConsumer(group: "h", quick())
                try await told.subscribe(to: "U")
                let (seen, seenByOther) = (Handled(), Handled())
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                let runningToo = Task { try await told.run { seenByOther.add($0); return .success } }
                try await eventually("all are stored") { cluster.offset(of: Self.queue) == 2 && cluster.offset(of: other) == 3 }
                let reset = RemotingCommand(.resetConsumerClientOffset, header: ResetOffsetHeader {
                    $0.topic = "U"
                    $0.group = "h"
                    $0.timestamp = 0
                }, body: ResetOffsets([other: 2, Self.queue: 0]).body)
                try cluster.tell(reset, to: client.clientId)
                try await consumer.resetOffsets(toTime: 1)
                try await eventually("the last ones come again") { seen.times("1") == 2 && seenByOther.times("2") == 2 }
                #expect(seen.times("0") == 1)
                #expect(seenByOther.times("1") == 1)
                await consumer.close()
                await told.close()
                try await running.value
                try await runningToo.value
            }
        }
    }

    @Test func aLitePullConsumerTellsItsSettings() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quickLite())
                try await consumer.subscribe(to: "T", .tags(["x"]))
                try await eventually("a heartbeat") { !cluster.asked(.heartBeat).isEmpty }
                let answer = try await cluster.ask(runningInfo(of: "l", client: client.clientId), of: client.clientId)
                #expect(answer.responseCode == .success)
                let info = try ConsumerRunningInfo(body: answer.body)
                #expect(info.properties["PROP_CONSUME_TYPE"].isExactly("CONSUME_ACTIVELY"))
                #expect(info.properties["PROP_CLIENT_VERSION"].isExactly("V4_9_8"))
                #expect(info.properties["PROP_NAMESERVER_ADDR"].isExactly(cluster.address(of: FakeCluster.nameServer) + ";"))
                #expect(info.properties["consumerGroup"].isExactly("l"))
                #expect(info.properties["PROP_CONSUMER_START_TIMESTAMP"].flatMap { Int64($0) } ?? 0 > 0)
                #expect(info.subscriptions.map(\.expression) == ["x"])
                #expect(info.status.keys.map(\.text) == ["T"])
                #expect(info.stacks == nil)

                let unknown = try await cluster.ask(runningInfo(of: "nobody", client: client.clientId), of: client.clientId)
                #expect(unknown.responseCode == .systemError)
                #expect(unknown.remark == "The Consumer Group <nobody> not exist in this consumer")
                let message = MessageRecord.encode(StoredMessage(topic: "T", body: [1]))
                let direct = RemotingCommand(.consumeMessageDirectly, header: ConsumeDirectlyHeader { $0.consumerGroup = "l" }, body: message)
                #expect(try await cluster.ask(direct, of: client.clientId).responseCode == .systemError)
            }
        }
    }

    /// In both forms in which brokers tell offsets.
    @Test(arguments: [false, true]) func aLitePullConsumerGoesOnWhereTheBrokerSays(asList: Bool) async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["0", "1", "2"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quickLite())
                try await consumer.subscribe(to: "T")
                try await eventually("all are polled") { try await consumer.poll(timeout: .milliseconds(20)).last?.text == "2" }
                let unheld = MessageQueue(topic: "T", brokerName: "b", queueId: 7)
                let table = [Self.queue: Int64(1), unheld: 5]
                let reset = RemotingCommand(
                    .resetConsumerClientOffset, header: ResetOffsetHeader {
                        $0.topic = "T"
                        $0.group = "l"
                        $0.timestamp = 0
                    }, body: asList ? ResetOffsetList(table).body : ResetOffsets(table).body)
                try cluster.tell(reset, to: client.clientId)
                try await eventually("it begins again there") { try await consumer.poll(timeout: .milliseconds(20)).map(\.text) == ["1", "2"] }
                #expect(consumer.offsets.table[unheld] == nil)
                await consumer.close()
                #expect(cluster.offset(of: Self.queue) == 1)
            }
        }
    }
}
