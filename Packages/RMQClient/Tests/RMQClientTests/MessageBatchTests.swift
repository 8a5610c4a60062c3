@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct MessageBatchTests {
    private func message(_ topic: String = "T", bytes: Int = 10, id: String? = nil) -> Message {
        var message = Message(topic: topic, body: [UInt8](repeating: 1, count: bytes))
        message.uniqueId = id
        return message
    }

    @Test func messagesOfOneTopicGoTogetherInTheirOrder() {
        let messages = [message(), message("U"), message(), message("U"), message()]
        #expect(MessageBatches(messages, maxBytes: 4 << 20).batches == [[0, 2, 4], [1, 3]])
        #expect(MessageBatches([], maxBytes: 100).batches.isEmpty)
    }

    @Test func whatCannotBeInABatchGoesAlone() throws {
        var delayed = message()
        delayed.delayLevel = 1
        var careless = message()
        careless.waitsForStore = false
        let reply = Message(topic: "T", text: "x", properties: ["MSG_TYPE": "reply"])
        let messages = [message(), delayed, careless, message(RetryTopic.name("g")), reply, message(), careless]
        #expect(MessageBatches(messages, maxBytes: 4 << 20).batches == [[0, 5], [1], [2, 6], [3], [4]])
    }

    @Test func batchesAreCutAtTheLimit() throws {
        let messages = (0..<100).map { _ in message(bytes: 50_000) }
        let batches = MessageBatches(messages, maxBytes: 4 << 20).batches
        #expect(batches.flatMap { $0 } == Array(0..<100))
        #expect(batches.count == 6)
        for batch in batches {
            #expect(try OutgoingMessage(batch: batch.map { messages[$0] }).body.count <= MessageBatches.mostBytes)
        }
        #expect(MessageBatches(messages, maxBytes: 120_000).batches.allSatisfy { $0.count == 2 })
        #expect(MessageBatches(messages, maxBytes: 50_000).batches.allSatisfy { $0.count == 1 }, "alone they are allowed")
        let tiny = (0..<3_000).map { _ in message(bytes: 1) }
        #expect(MessageBatches(tiny, maxBytes: 4 << 20).batches.map(\.count) == [1_024, 1_024, 952])
    }

    // MARK: Sending

    private func configuration(maxBytes: Int) -> ProducerConfiguration {
        var configuration = ProducerConfiguration()
        configuration.maxMessageBytes = maxBytes
        configuration.maxRetries = 0
        return configuration
    }

    @Test func eachMessageHasItsResult() async throws {
        try await withFakeCluster(topics: ["T": 1, "U": 1]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p", configuration(maxBytes: 4_000))
                var delayed = message(id: "delayed")
                delayed.delayLevel = 1
                let messages = (0..<5).map { message(bytes: 1_500, id: "t\($0)") } + [message("U", id: "u"), delayed]
                let results = try await producer.send(contentsOf: messages)
                #expect(results.map(\.messageId) == messages.map { $0.uniqueId ?? "" })
                #expect(results.allSatisfy { $0.status == .stored && $0.messageIds.count == 1 && $0.offsetMessageIds.count == 1 })
                #expect(Set(results.map(\.offsetMessageId)).count == 7)
                #expect(results.map(\.queue.topic) == ["T", "T", "T", "T", "T", "U", "T"])
                // Members of a batch stand next to each other.
                #expect(results[1].queueOffset == results[0].queueOffset + 1)
                for result in results {
                    #expect(OffsetMessageId(result.offsetMessageId)?.physicalOffset == result.queueOffset * 100)
                }
                #expect(cluster.asked(.sendBatchMessage).count == 2)
                #expect(cluster.asked(.sendMessageV2).count == 3)
                #expect(try await producer.send(contentsOf: []).isEmpty)
            }
        }
    }

    @Test func oneThatIsTooLargeIsRefusedBeforeAnythingIsSent() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p", configuration(maxBytes: 4_000))
                let error = await failure { () throws(ClientError) in
                    try await producer.send(contentsOf: [message(), message(bytes: 4_001), message()])
                }
                #expect(error?.code == .invalidMessage)
                #expect(error?.partialResults.isEmpty == true)
                #expect(cluster.asked(.sendBatchMessage).isEmpty)
                #expect(cluster.asked(.sendMessageV2).isEmpty)
            }
        }
    }

    @Test func aFailureInBetweenSaysWhatWasStored() async throws {
        try await withFakeCluster(topics: ["T": 1, "U": 1, "V": 1]) { _, command in
            let topic = try? command.header(SendMessageHeaderV2.self).message.topic
            return command.requestCode == .sendBatchMessage && topic == "U" ? .answer(.response(.messageIllegal, remark: "no")) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let messages = ["T", "U", "T", "U", "V", "V"].enumerated().map { message($1, id: "\($0)") }
                let error = await failure { () throws(ClientError) in try await producer.send(contentsOf: messages) }
                #expect(error?.code == .refused)
                #expect(error?.remark == "no")
                #expect(error?.partialResults.map { $0?.messageId } == ["0", nil, "2", nil, nil, nil])
                let topics = try cluster.asked(.sendBatchMessage).map { try $0.header(SendMessageHeaderV2.self).message.topic }
                #expect(topics == ["T", "U"], "what comes behind is not sent")
            }
        }
    }

    // MARK: Selectors

    @Test func selectorsChooseByTheReferencesRules() throws {
        let queues = (0..<8).map { MessageQueue(topic: "T", brokerName: "a", queueId: Int32($0)) }
        func place(_ selector: QueueSelector) throws -> Int32 { try selector.choose(queues).queueId }
        #expect(try place(.hash(of: "a")) == 97 % 8)
        #expect(try place(.hash(of: "a")) == Int32(OrderingKey.index(of: "a", among: 8)))
        #expect(try place(.hash(of: Int32(13))) == 5)
        #expect(try place(.hash(of: Int32(-13))) == 5)
        #expect(try place(.hash(of: Int32.min)) == 0)
        #expect(try place(.hash(of: Int64(13))) == 5)
        #expect(try place(.hash(of: Int64(1) << 32 | 2)) == 3, "high word xor low word")
        #expect(try place(.hash(of: Int64(-1))) == 0)
        #expect(try Set((0..<200).map { _ in try place(.random) }).count == 8)
        #expect(try place(QueueSelector { $0[6] }) == 6)
    }

    @Test func aMessageGoesWhereItsSelectorSays() async throws {
        try await withFakeCluster(topics: ["T": 8]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                #expect(try await producer.send(message(), selecting: .hash(of: "a")).queue.queueId == 97 % 8)
                #expect(try await producer.send(message(), selecting: QueueSelector { $0[3] }).queue.queueId == 3)
            }
        }
    }
}
