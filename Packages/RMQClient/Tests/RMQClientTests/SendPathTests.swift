@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// How a send travels, and what its result tells.
@Suite(.takesTurns) struct SendPathTests {
    @Test(arguments: [nil, HeaderSerialization.json, .rocketmq])
    func aSendSaysTheSameInBothForms(headers: HeaderSerialization?) async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { if let headers { $0.headers = headers } } _: { client in
                let producer = try await client.makeProducer(group: "orders-api")
                let sent = try await producer.send(Message(topic: "T", text: "x", tags: "a", keys: ["k", "l"], properties: ["own": "é"], flag: 9))
                #expect(sent.status == .stored)
                #expect(sent.queue == MessageQueue(topic: "T", brokerName: "a", queueId: 0))
                let place = HostAddress(cluster.address(of: "a")).map { OffsetMessageId(storeHost: $0, physicalOffset: 0).text }
                #expect(sent.offsetMessageIds == [place])
                #expect(UniqueId(sent.messageId) != nil)

                let command = try #require(cluster.asked(.sendMessageV2).first)
                #expect(command.serialization == headers ?? .rocketmq)
                #expect(command.body == Array("x".utf8))
                let header = try command.header(SendMessageHeaderV2.self).message
                #expect(header.producerGroup == "orders-api")
                #expect(header.topic == "T")
                #expect(header.defaultTopic == "TBW102")
                #expect(header.defaultTopicQueueCount == 4)
                #expect(header.queueId == 0)
                #expect(header.flag == 9)
                #expect(header.systemFlag == 0)
                #expect(header.brokerName == "a")
                #expect(header.isBatch == false)
                #expect(abs(header.bornTimestamp - WallClock.nowMilliseconds()) < Duration.generous.milliseconds)
                #expect(MessageProperties(decoding: Array((header.properties ?? "").utf8)) == [
                    "own": "é", PropertyName.tags: "a", PropertyName.keys: "k l", PropertyName.uniqueKey: sent.messageId,
                ])
            }
        }
    }

    @Test func longNamesAreUsedWhenAskedFor() async throws {
        try await withFakeCluster { _, command in
            guard command.requestCode == .sendMessage else { return .usual }
            return .answer(.response(.slaveNotAvailable, header: SendMessageResponseHeader { $0.messageId = "AB" }))
        } _: { cluster in
            try await cluster.withClient { $0.usesShortSendHeader = false } _: { client in
                let producer = try await client.makeProducer(group: "p")
                let sent = try await producer.send(Message(topic: "T", text: "x"))
                #expect(sent.status == .noReplica)
                #expect(try cluster.asked(.sendMessage).first?.header(SendMessageHeader.self).topic == "T")
            }
        }
    }

    @Test func aBatchIsOneRequestAndHasAnIdEach() async throws {
        try await withFakeCluster { _, command in
            guard command.requestCode == .sendBatchMessage else { return .usual }
            return .answer(.response(.success, header: SendMessageResponseHeader {
                $0.messageId = "AA,BB,CC"
                $0.queueOffset = 7
            }))
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let sent = try await producer.send(batch: ["a", "b", "c"].map { Message(topic: "T", text: $0) })
                #expect(sent.queueOffset == 7)
                #expect(sent.offsetMessageIds == ["AA", "BB", "CC"])
                #expect(sent.offsetMessageId == "AA")
                let command = try #require(cluster.asked(.sendBatchMessage).first)
                #expect(try command.header(SendMessageHeaderV2.self).message.isBatch)
                let members = try BatchBody.decode(command.body, topic: "T")
                #expect(members.map(\.text) == ["a", "b", "c"])
                #expect(members.map(\.uniqueId) == sent.messageIds)
                #expect(sent.messageId == sent.messageIds[0])
            }
        }
    }

    @Test(arguments: [[true, false, false], [false, true, false], [false, false, true], [true, true, true]])
    func membersOfABatchKeepTheIdThatTheyHave(given: [Bool]) throws {
        let messages = given.enumerated().map { index, hasId in
            var message = Message(topic: "T", text: "\(index)")
            if hasId { message.uniqueId = "own-\(index)" }
            return message
        }
        let batch = try OutgoingMessage(batch: messages)
        #expect(try BatchBody.decode(batch.body, topic: "T").map(\.uniqueId) == batch.ids)
        for (index, hasId) in given.enumerated() where hasId { #expect(batch.ids[index] == "own-\(index)") }
        #expect(Set(batch.ids).count == 3)
    }

    @Test func orderedSendsNeedOneRouteAndOneQueue() async throws {
        try await withFakeCluster(topics: ["T": 8]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                for _ in 0..<20 { try await producer.send(Message(topic: "T", text: "x"), orderingKey: "k") }
                #expect(Set(cluster.asked(.sendMessageV2).compactMap { $0.fields?["e"] }).count == 1)
                #expect(cluster.asked(.getRouteinfoByTopic).count == 1)
                let queue = try await producer.queues(for: "T")[5]
                #expect(try await producer.send(Message(topic: "T", text: "x"), to: queue).queue == queue)
            }
        }
    }

    @Test func queuesThatATopicGetsAreUsed() async throws {
        try await withFakeCluster(topics: ["T": 1]) { cluster in
            try await cluster.withClient { $0.routeRefreshInterval = .milliseconds(20) } _: { client in
                let producer = try await client.makeProducer(group: "p")
                #expect(try await producer.send(Message(topic: "T", text: "x")).queue.queueId == 0)
                cluster.state.withLock { $0.topics["T"] = 3 }
                var used: Set<Int32> = []
                try await eventually("all three queues are used") {
                    used.insert(try await producer.send(Message(topic: "T", text: "x")).queue.queueId)
                    return used == [0, 1, 2]
                }
            }
        }
    }

    @Test func onewayMessagesGoToTheQueueThatIsChosen() async throws {
        try await withFakeCluster(topics: ["T": 4]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let queues = try await producer.queues(for: "T")
                try await producer.sendOneway(Message(topic: "T", text: "a"), to: queues[2])
                try await producer.sendOneway(Message(topic: "T", text: "b"), selecting: QueueSelector { $0[3] })
                try await producer.sendOneway(Message(topic: "T", text: "c"), selecting: .hash(of: "key"))
                let answered = try await producer.send(Message(topic: "T", text: "d"), orderingKey: "key")
                try await eventually("all came") { cluster.asked(.sendMessageV2).count == 4 }
                let ids = try Dictionary(cluster.asked(.sendMessageV2).map { ($0.body, try $0.header(SendMessageHeaderV2.self).message.queueId) }) { first, _ in first }
                #expect(["a", "b", "c"].map { ids[Array($0.utf8)] } == [2, 3, answered.queue.queueId])
                let other = MessageQueue(topic: "U", brokerName: "a", queueId: 0)
                let elsewhere = await failure { () throws(ClientError) in try await producer.sendOneway(Message(topic: "T", text: "x"), to: other) }
                #expect(elsewhere?.code == .invalidMessage)
                let failing = QueueSelector { _ in throw CancellationError() }
                let unchosen = await failure { () throws(ClientError) in try await producer.sendOneway(Message(topic: "T", text: "x"), selecting: failing) }
                #expect(unchosen?.code == .invalidMessage)
                #expect(cluster.asked(.sendMessageV2).count == 4)
            }
        }
    }

    @Test func aThousandSendsAtOnceAllEnd() async throws {
        try await withFakeCluster(brokers: ["a", "b"], topics: ["T": 4]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let results = try await withThrowingTaskGroup(of: SendResult.self) { group in
                    for _ in 0..<1000 { group.addTask { try await producer.send(Message(topic: "T", text: "x"), timeout: .generous) } }
                    return try await group.reduce(into: [SendResult]()) { $0.append($1) }
                }
                #expect(Set(results.map(\.messageId)).count == 1000)
                #expect(Set(results.map(\.queue)).count == 8)
            }
        }
    }

    @Test func resultsAreEqualWhenTheySayTheSame() {
        let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 2)
        func result(_ status: SendResult.Status = .stored, ids: [String] = ["1"], offset: Int64 = 5) -> SendResult {
            SendResult(status: status, messageIds: ids, offsetMessageIds: ["A", "B"], queue: queue, queueOffset: offset)
        }
        #expect(result() == result())
        #expect(result() != result(ids: ["1", "2"]))
        #expect(result() != result(offset: 6))
        for status in [SendResult.Status.stored, .flushTimedOut, .replicationTimedOut, .noReplica] { #expect(result(status).status == status) }
        #expect(result(.noReplica) != result(.flushTimedOut))
        #expect(result().offsetMessageIds == ["A", "B"])
    }
}
