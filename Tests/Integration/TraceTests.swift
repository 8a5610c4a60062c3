import RMQBroker
import RMQClient
import RMQCommon
import RMQTestSupport
import Testing

/// The trace of a client at a broker that has a topic for it.
@Suite(.takesTurns) struct TracedMessagingTests {
    @Test func whatBecameOfAMessageCanBeLookedUpByItsId() async throws {
        try await withCluster { $0.traceTopic = true } _: { cluster in
            var configuration = RocketMQClient.Configuration(nameServers: cluster.nameServerAddress)
            configuration.logger = .silent
            configuration.tracing = .enabled()
            let sent = try await withRocketMQClient(configuration) { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                return try await producer.send(Message(topic: "Deals", text: "x", tags: "t", keys: ["k1"])) { _ in .commit }.send
            }
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g_trace", .fromFirst)
                try await consumer.subscribe(to: "RMQ_SYS_TRACE_TOPIC")
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                try await eventually("the trace") { await inbox.count >= 1 }
                let message = try #require(await inbox.messages.first)
                #expect(message.keys == [sent.messageId, "k1"])
                let records = message.text.split(separator: "\u{2}").map { $0.split(separator: "\u{1}", omittingEmptySubsequences: false).map(String.init) }
                #expect(records.map { $0[0] } == ["Pub", "EndTransaction"])
                #expect(records[0][5] == sent.messageId)
                #expect(records[0][8] == cluster.brokerAddress)
                #expect(records[0][12] == sent.offsetMessageId)
                #expect(records[1][11] == "COMMIT_MESSAGE")
                await consumer.close()
                try await running.value
            }
        }
    }
}
