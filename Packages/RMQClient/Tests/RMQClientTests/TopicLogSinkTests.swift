import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct TopicLogSinkTests {
    private static func configuration(_ cluster: FakeCluster) -> RocketMQClient.Configuration {
        .init(nameServers: [cluster.address(of: FakeCluster.nameServer)])
    }

    @Test func recordsAreMessagesOfTheTopic() async throws {
        try await withFakeCluster(topics: ["Logs": 1]) { cluster in
            let sink = TopicLogSink(Self.configuration(cluster), topic: "Logs", tags: "shop", layout: { "\($0.level.text) \($0.message)" })
            let logger = Logger(category: "orders", level: .info, sink: sink)
            logger.info("one")
            logger.error("two")
            logger.debug("unheard")
            await sink.close()
            try await eventually("both came") { cluster.asked(.sendMessageV2).count == 2 }
            let commands = cluster.asked(.sendMessageV2)
            #expect(commands.map { ByteText(String(decoding: $0.body, as: UTF8.self)) } == ["INFO one", "ERROR two"])
            #expect(commands.allSatisfy { $0.isOneway })
            let header = try #require(commands.first).header(SendMessageHeaderV2.self).message
            let properties = MessageProperties(decoding: Array((header.properties ?? "").utf8))
            #expect(properties["TAGS"].isExactly("shop"))
            #expect(properties["category"].isExactly("orders"))
            #expect(properties["level"].isExactly("INFO"))
            #expect(sink.droppedCount == 0)
            logger.info("late")
            #expect(sink.droppedCount == 1)
            try await eventually("its connections are closed") { cluster.connectionCount == 0 }
        }
    }

    @Test func whatNobodyTakesIsDroppedAndCounted() async throws {
        let nobody = try ReservedPort()
        let sink = TopicLogSink(.init(nameServers: [nobody.address]), topic: "Logs")
        let logger = Logger(category: "orders", sink: sink)
        for number in 0..<TopicLogSink.recordLimit + 100 { logger.info("\(number)") }
        await sink.close(gracePeriod: .milliseconds(100))
        #expect(sink.droppedCount == TopicLogSink.recordLimit + 100)
    }

    @Test func aSinkThatWroteNothingMakesNoClient() async throws {
        try await withFakeCluster { cluster in
            let sink = TopicLogSink(Self.configuration(cluster), topic: "Logs")
            await sink.close()
            #expect(cluster.connectionCount == 0)
        }
    }
}
