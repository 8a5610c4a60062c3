import RMQBroker
import RMQClient
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// Consumers that filter by SQL92 expressions, from the application to the store.
@Suite(.takesTurns) struct FilterTests {
    private static let filters: @Sendable (inout BrokerConfiguration) -> Void = {
        $0.filtersByExpression = true
        $0.store.delayLevelMilliseconds = [Int64](repeating: 20, count: 18)
    }

    /// With bit maps, or by a look at each message.
    private static func filters(withBitMaps: Bool) -> @Sendable (inout BrokerConfiguration) -> Void {
        {
            filters(&$0)
            $0.computesFilterBitmaps = withBitMaps
            $0.store.writesQueueExtensions = withBitMaps
        }
    }

    private func send(_ prices: Range<Int>, to topic: String, with client: RocketMQClient) async throws {
        let producer = try await client.makeProducer(group: "p_\(topic)")
        for price in prices {
            let properties: MessageProperties = ["price": "\(price)", "colour": price.isMultiple(of: 2) ? "red" : "blue"]
            try await producer.send(Message(topic: topic, text: "\(price)", tags: "t\(price % 3)", properties: properties))
        }
        await producer.close()
    }

    private func texts(_ inbox: Inbox) async -> [Int] { await inbox.messages.compactMap { Int($0.text) }.sorted() }

    private static let wanted = (0..<60).filter { $0 > 20 && $0.isMultiple(of: 2) }

    @Test(arguments: [true, false]) func aPushConsumerGetsWhatItsExpressionWants(withBitMaps: Bool) async throws {
        try await withCluster(Self.filters(withBitMaps: withBitMaps)) { cluster in
            try await cluster.withClient { client in
                // Of before and of after its subscription.
                try await send(0..<30, to: "Prices", with: client)
                let consumer = try await client.makePushConsumer(group: "g_prices", .fromFirst)
                try await consumer.subscribe(to: "Prices", .sql("price > 20 AND colour = 'red'"))
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                try await eventually("it holds queues") { !consumer.assignment.isEmpty }
                try await send(30..<60, to: "Prices", with: client)
                try await eventually("all that it wants") { await texts(inbox) == Self.wanted }
                // Pulls that found nothing to want moved on all the same.
                try await eventually("offsets at the ends") {
                    for queue in consumer.assignment {
                        let (end, committed) = (try await client.admin.maxOffset(of: queue), try await client.admin.committedOffset(group: "g_prices", queue: queue))
                        if committed != end, end > 0 { return false }
                    }
                    return true
                }
                #expect(await texts(inbox) == Self.wanted)
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func onePullMayCarryAnExpression() async throws {
        try await withCluster(Self.filters) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_pulled")
                let queue = try #require(try await producer.queues(for: "Pulled").first)
                let messages = (0..<10).map { Message(topic: "Pulled", text: "\($0)", properties: ["price": "\($0)"]) }
                let stored = try await producer.send(batch: messages, to: queue).queue
                let found = try await client.pull(from: stored, offset: 0, filter: .sql("price BETWEEN 3 AND 5"), group: "g_pulled")
                #expect(found.messages.map(\.text) == ["3", "4", "5"])
                #expect(found.nextOffset == 10)
                let wrong = await #expect(throws: ClientError.self) {
                    try await client.pull(from: stored, offset: 0, filter: .sql("price BETWEEN 3"), group: "g_pulled")
                }
                #expect(wrong?.code == .refused)
            }
        }
    }

    @Test func aWrongExpressionIsRefusedWhenItIsSubscribedTo() async throws {
        try await withCluster(Self.filters) { cluster in
            try await cluster.withClient { client in
                try await send(0..<1, to: "Wrong", with: client)
                let push = try await client.makePushConsumer(group: "g_wrong", .fromFirst)
                let refused = await #expect(throws: ClientError.self) { try await push.subscribe(to: "Wrong", .sql("price >")) }
                #expect(refused?.code == .refused)
                #expect(refused?.description.contains("SUBSCRIPTION_PARSE_FAILED") == true, "\(refused?.description ?? "")")
                await push.close()
                let poll = try await client.makeLitePullConsumer(group: "g_wrong_poll", LitePullConfiguration())
                await #expect(throws: ClientError.self) { try await poll.subscribe(to: "Wrong", .sql("price IN")) }
                await poll.close()
            }
        }
    }

    @Test func withoutPropertyFiltersTheBrokerSaysSo() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                try await send(0..<1, to: "Off", with: client)
                let consumer = try await client.makePushConsumer(group: "g_off", .fromFirst)
                let refused = await #expect(throws: ClientError.self) { try await consumer.subscribe(to: "Off", .sql("price > 1")) }
                #expect(refused?.description.contains("does not support consumer to filter message by SQL92") == true, "\(refused?.description ?? "")")
                await consumer.close()
            }
        }
    }

    /// A group by tags, one by an expression and one by both kinds, each for another topic.
    @Test func groupsByTagsAndByExpressionsLiveBesideEachOther() async throws {
        try await withCluster(Self.filters(withBitMaps: true)) { cluster in
            try await cluster.withClient { client in
                let consumers = try await [
                    ("g_tags", [("Mixed", SubscriptionFilter.tags(["t1"]))]), ("g_sql", [("Mixed", .sql("price >= 50"))]),
                    ("g_both", [("Mixed", .sql("TAGS = 't2' AND price < 10")), ("Plain", .all)]),
                ].asyncMap { group, subscriptions in
                    let consumer = try await client.makePushConsumer(group: group, .fromFirst)
                    for (topic, filter) in subscriptions { try await consumer.subscribe(to: topic, filter) }
                    return consumer
                }
                let inboxes = consumers.map { _ in Inbox() }
                let running = zip(consumers, inboxes).map { consumer, inbox in Task { try await consumer.run { await inbox.add($0); return .success } } }
                try await send(0..<60, to: "Mixed", with: client)
                try await send(100..<103, to: "Plain", with: client)
                let expected = [(0..<60).filter { $0 % 3 == 1 }, Array(50..<60), [2, 5, 8, 100, 101, 102]]
                for (inbox, wanted) in zip(inboxes, expected) {
                    try await eventually("\(wanted.count) messages") { await texts(inbox) == wanted }
                }
                for consumer in consumers { await consumer.close() }
                for task in running { try await task.value }
            }
        }
    }

    /// What a group failed to consume comes again, whether or not its expression is looked at then.
    @Test(arguments: [true, false]) func aFilteredMessageIsGivenAgain(filtersRetries: Bool) async throws {
        try await withCluster({ Self.filters(&$0); $0.filtersRetries = filtersRetries }) { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g_again", .fromFirst)
                try await consumer.subscribe(to: "Again", .sql("price = 7"))
                let inbox = Inbox()
                let running = Task {
                    try await consumer.run { message in
                        await inbox.add(message)
                        return message.reconsumeTimes < 2 ? .retry(after: .level(1)) : .success
                    }
                }
                try await send(5..<10, to: "Again", with: client)
                try await eventually("it came three times") { await inbox.messages.map(\.reconsumeTimes) == [0, 1, 2] }
                #expect(await texts(inbox) == [7, 7, 7])
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aConsumerGoesOnWhenItsBrokerRestarts() async throws {
        try await withCluster(Self.filters(withBitMaps: true)) { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "g_restart", .fromFirst)
                try await consumer.subscribe(to: "Restart", .sql("price > 20 AND colour = 'red'"))
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                try await send(0..<30, to: "Restart", with: client)
                try await eventually("those of before") { await texts(inbox) == Self.wanted.filter { $0 < 30 } }
                try cluster.restartBroker()
                let producer = try await client.makeProducer(group: "p_after")
                try await eventually("messages can be sent again") { (try? await producer.send(Message(topic: "Restart", text: "unwanted"))) != nil }
                try await send(30..<60, to: "Restart", with: client)
                try await eventually("those of after") { Set(await texts(inbox)) == Set(Self.wanted) }
                await consumer.close()
                try await running.value
            }
        }
    }
}

extension Array {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
