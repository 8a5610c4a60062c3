import RMQClient
import RMQCommon
import RMQTestSupport
import Testing

/// Requests and replies of the client through a broker.
@Suite(.takesTurns) struct RequestReplyMessagingTests {
    /// Runs `body` while a consumer replies to what comes to `topic`, with a client of its own.
    private func withReplier(
        _ cluster: TestCluster, _ topic: String, times: Int = 1, _ body: (Inbox) async throws -> Void
    ) async throws {
        try await cluster.withClient { client in
            let producer = try await client.makeProducer(group: "repliers_" + topic)
            let consumer = try await client.makePushConsumer(group: "g_" + topic, .fromFirst)
            try await consumer.subscribe(to: topic)
            let inbox = Inbox()
            let running = Task {
                try await consumer.run { request in
                    guard request.text != "-" else { return .success }
                    for number in 0..<times { try await producer.send(request.reply(text: "\(request.text) \(number)")) }
                    await inbox.add(request)
                    return .success
                }
            }
            try await body(inbox)
            await consumer.close()
            try await running.value
        }
    }

    @Test func aRequestGetsItsReply() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "askers")
                // Makes the topic.
                try await producer.send(Message(topic: "Prices", text: "-"))
                try await withReplier(cluster, "Prices") { _ in
                    for number in 0..<5 {
                        let reply = try await producer.request(Message(topic: "Prices", text: "sku \(number)"), timeout: .generous)
                        #expect(reply.text == "sku \(number) 0")
                        #expect(reply.properties["CORRELATION_ID"] != nil)
                    }
                    let big = String(repeating: "größe ", count: 2_000)
                    let reply = try await producer.request(Message(topic: "Prices", text: big), timeout: .generous)
                    #expect(reply.text == big + " 0", "compressed both ways")
                }
            }
        }
    }

    @Test func manyAskersGetTheirOwnReplies() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "askers")
                try await producer.send(Message(topic: "Prices", text: "-"))
                try await withReplier(cluster, "Prices") { _ in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<40 {
                            group.addTask {
                                let reply = try await producer.request(Message(topic: "Prices", text: "\(number)"), timeout: .generous)
                                #expect(reply.text == "\(number) 0")
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
        }
    }

    @Test func aSecondReplyIsDropped() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "askers")
                try await producer.send(Message(topic: "Prices", text: "-"))
                try await withReplier(cluster, "Prices", times: 2) { inbox in
                    let reply = try await producer.request(Message(topic: "Prices", text: "sku"), timeout: .generous)
                    #expect(reply.text == "sku 0")
                    // The replier is not told: its second send succeeds as well.
                    try await eventually("the request is done with") { await inbox.messages.contains { $0.text == "sku" } }
                    #expect(try await producer.request(Message(topic: "Prices", text: "next"), timeout: .generous).text == "next 0")
                }
            }
        }
    }

    @Test func whenNobodyAnswersTheRequestTimesOut() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "askers")
                do {
                    _ = try await producer.request(Message(topic: "Prices", text: "x"), timeout: .seconds(1))
                    Issue.record("nobody is there to answer")
                } catch {
                    let code = (error as? ClientError)?.code
                    #expect(code == .requestTimedOut)
                }
            }
        }
    }

    @Test func aReplyToAnAskerThatIsGoneIsRefusedByTheBroker() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { asker in
                let producer = try await asker.makeProducer(group: "askers")
                _ = try? await producer.request(Message(topic: "Prices", text: "x"), timeout: .milliseconds(500))
            }
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g_gone", .fromFirst)
                try await consumer.subscribe(to: "Prices")
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                try await eventually("the request") { await inbox.count == 1 }
                let request = try #require(await inbox.messages.first)
                let producer = try await client.makeProducer(group: "repliers")
                do {
                    try await producer.send(request.reply(text: "too late"))
                    Issue.record("the asker is gone")
                } catch {
                    let refusal = error as? ClientError
                    #expect(refusal?.code == .refused)
                    #expect(refusal?.remark?.contains("not found") == true)
                }
                await consumer.close()
                try await running.value
            }
        }
    }
}
