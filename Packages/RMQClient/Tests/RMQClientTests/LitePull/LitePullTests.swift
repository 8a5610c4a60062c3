@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// What a lite pull consumer asks of brokers, and how it comes to its queues.
@Suite(.takesTurns) struct LitePullTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    // MARK: What brokers are told

    @Test func heartbeatsAndPullsSayWhatTheReferencesDo() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
                try await consumer.subscribe(to: "T", SubscriptionFilter("AaAa || green"))
                try await eventually("a pull") { !cluster.asked(.pullMessage).isEmpty }

                let heartbeats = try cluster.asked(.heartBeat).map { try HeartbeatData(body: $0.body) }
                let data = try #require(heartbeats.last?.consumers.first)
                #expect(data.group == "l")
                #expect(data.consumeType == .actively)
                #expect(data.consumeFromWhere == .lastOffset)
                #expect(data.messageModel == .clustering)
                #expect(data.subscriptions.map(\.topic) == ["T"], "there is no retry topic")
                #expect(data.subscriptions[0].expression == "AaAa || green")

                let pull = try #require(cluster.asked(.pullMessage).first).header(PullMessageHeader.self)
                #expect(pull.flags == [.suspends, .carriesSubscription, .litePull])
                #expect(pull.suspendTimeoutMillis == 20_000)
                #expect(pull.subscription == "AaAa || green")
                #expect(pull.subscriptionVersion == 0)
                #expect(pull.expressionType == "TAG")
                #expect(pull.brokerName == "a")
                #expect(pull.commitOffset == 0)
                await consumer.close()
            }
            let left = try cluster.asked(.unregisterClient).compactMap { try $0.header(UnregisterClientHeader.self).consumerGroup }
            #expect(left.map { ByteText($0) } == ["l"])
            try await eventually("no connection is left") { cluster.connectionCount == 0 }
        }
    }

    @Test func aConditionTravelsAndIsCheckedBefore() async throws {
        try await withFakeCluster { _, command in
            guard command.requestCode == .checkClientConfig else { return .usual }
            let text = String(decoding: command.body, as: UTF8.self)
            return text.containsBytes(of: "colour") ? .usual : .answer(.response(.subscriptionParseFailed, remark: "no such thing"))
        } _: { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
                let refused = await failure { () throws(ClientError) in try await consumer.subscribe(to: "T", .sql("price >")) }
                #expect(refused?.code == .refused)
                #expect(refused?.responseCode == .subscriptionParseFailed)
                let empty = await failure { () throws(ClientError) in try await consumer.subscribe(to: "T", .sql(" ")) }
                #expect(empty?.code == .invalidConfiguration)
                try await consumer.subscribe(to: "T", .sql("colour = 'red'"))
                try await eventually("a pull") { !cluster.asked(.pullMessage).isEmpty }
                let pull = try #require(cluster.asked(.pullMessage).first).header(PullMessageHeader.self)
                #expect(pull.expressionType == "SQL92")
                #expect(pull.subscription == "colour = 'red'")
                #expect(pull.subscriptionVersion > 0)
                let asked = try CheckClientRequest(body: try #require(cluster.asked(.checkClientConfig).last).body)
                #expect(asked.group == "l")
                #expect(asked.clientId == client.clientId)
                #expect(asked.subscription.expressionType == "SQL92")
            }
        }
    }

    @Test func anApplicationSeesBareNamesAndServersDoNot() async throws {
        try await withFakeCluster(topics: ["ns%T": 1]) { cluster in
            cluster.fill("ns%T", with: ["1", "2"])
            try await cluster.withClient({ $0.namespace = "ns" }) { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { $0.autoCommitInterval = nil })
                try await consumer.subscribe(to: "T")
                var topics: [String] = []
                try await eventually("both messages") {
                    topics += try await consumer.poll(timeout: .milliseconds(20)).map(\.topic)
                    return topics.count == 2
                }
                #expect(topics == ["T", "T"])
                #expect(consumer.assignment == [Self.queue])
                #expect(try await consumer.queues(of: "T") == [Self.queue])
                try await consumer.commit([Self.queue: 1])
                #expect(try await consumer.committedOffset(of: Self.queue) == 1)
                consumer.pause([Self.queue])
                consumer.resume([Self.queue])
                try await consumer.seek(Self.queue, to: .end)
                let pull = try #require(cluster.asked(.pullMessage).first).header(PullMessageHeader.self)
                #expect(pull.topic == "ns%T")
                #expect(pull.consumerGroup == "ns%l")
                await consumer.unsubscribe(from: "T")
                #expect(consumer.assignment == [])
            }
        }
    }

    // MARK: Modes

    @Test func subscribingAndAssigningExcludeEachOther() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let subscriber = try await client.makeLitePullConsumer(group: "s", .quick())
                let early = await failure { () throws(ClientError) in _ = try await subscriber.poll() }
                #expect(early?.code == .notSubscribed)
                try await subscriber.subscribe(to: "T")
                let assigning = await failure { () throws(ClientError) in try await subscriber.assign([Self.queue]) }
                #expect(assigning?.code == .subscriptionConflict)

                let assigned = try await client.makeLitePullConsumer(group: "a", .quick())
                let nothing = await failure { () throws(ClientError) in try await assigned.assign([]) }
                #expect(nothing?.code == .invalidConfiguration)
                try await assigned.assign([Self.queue])
                let subscribing = await failure { () throws(ClientError) in try await assigned.subscribe(to: "T") }
                #expect(subscribing?.code == .subscriptionConflict)

                await assigned.close()
                let late = await failure { () throws(ClientError) in _ = try await assigned.poll() }
                #expect(late?.code == .closed)
                let again = await failure { () throws(ClientError) in try await assigned.assign([Self.queue]) }
                #expect(again?.code == .closed)
            }
        }
    }

    @Test func assignedQueuesAreNotSharedAndReplaceTheOnesBefore() async throws {
        try await withFakeCluster(topics: ["T": 3]) { cluster in
            cluster.state.withLock { $0.members = ["somebody else"] }
            let queues = (0..<3).map { MessageQueue(topic: "T", brokerName: "a", queueId: $0) }
            for id in Int32(0)..<3 { cluster.fill("T", queue: id, with: ["\(id)"]) }
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
                try await consumer.assign([queues[0], queues[1]])
                #expect(consumer.assignment == [queues[0], queues[1]])
                #expect(try await texts(2, from: consumer).sorted() == ["0", "1"])
                try await consumer.assign([queues[1], queues[2]])
                #expect(consumer.assignment == [queues[1], queues[2]])
                #expect(try await texts(1, from: consumer) == ["2"], "the queue that stayed goes on where it is")
                let heartbeat = try HeartbeatData(body: try #require(cluster.asked(.heartBeat).last).body)
                #expect(heartbeat.consumers.first?.subscriptions.isEmpty == true)
                #expect(cluster.asked(.getConsumerListByGroup).isEmpty)
            }
        }
    }

    @Test func badSettingsAreRefusedAtOnce() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                for adjust in [
                    { $0.autoCommitInterval = .milliseconds(999) }, { $0.pullBatchSize = 0 }, { $0.maxCachedMessages = 0 },
                    { $0.cache.messagesPerQueue = 0 }, { $0.pollTimeout = .seconds(-1) },
                ] as [(inout LitePullConfiguration) -> Void] {
                    let settings = LitePullConfiguration.quick(adjust)
                    let refused = await failure { () throws(ClientError) in _ = try await client.makeLitePullConsumer(group: "l", settings) }
                    #expect(refused?.code == .invalidConfiguration)
                }
                _ = try await client.makePushConsumer(group: "taken")
                let taken = await failure { () throws(ClientError) in _ = try await client.makeLitePullConsumer(group: "taken") }
                #expect(taken?.code == .groupAlreadyRegistered)
            }
        }
    }

    // MARK: Rebalance

    @Test func queuesThatGoToAnotherMemberAreStoredAndLeft() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            for id in Int32(0)..<2 { cluster.fill("T", queue: id, with: ["\(id)"]) }
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { $0.offsetPersistenceInterval = .seconds(300) })
                var changes = consumer.assignments.makeAsyncIterator()
                let before = await changes.next()
                #expect(before == [])
                try await consumer.subscribe(to: "T")
                try await eventually("both queues") { consumer.assignment.count == 2 }
                let both = await changes.next()
                #expect(both?.count == 2)
                _ = try await texts(2, from: consumer)
                _ = try await consumer.poll(timeout: .zero)
                // The other one sorts before this client, or behind it: each gets a queue.
                cluster.state.withLock { $0.members = ["0", client.clientId] }
                try await eventually("one queue is left") { consumer.assignment.count == 1 }
                let one = await changes.next()
                #expect(one?.count == 1)
                let lost = MessageQueue(topic: "T", brokerName: "a", queueId: consumer.assignment.first?.queueId == 0 ? 1 : 0)
                try await eventually("the offset of the other one is stored") { cluster.offset(of: lost) == 1 }
                let seeking = await failure { () throws(ClientError) in try await consumer.seek(lost, to: .beginning) }
                #expect(seeking?.code == .queueNotAssigned)
                let committing = await failure { () throws(ClientError) in try await consumer.commit([lost: 0]) }
                #expect(committing?.code == .queueNotAssigned)
                await consumer.close()
                let end = await changes.next()
                #expect(end == nil)
                #expect(cluster.offset(of: lost) == 1)
            }
        }
    }

    @Test func unsubscribingGivesTheQueuesUpAtOnce() async throws {
        try await withFakeCluster(topics: ["T": 1, "U": 1]) { cluster in
            cluster.fill("T", with: ["t"])
            cluster.fill("U", with: ["u"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
                try await consumer.subscribe(to: "T")
                try await consumer.subscribe(to: "U")
                try await eventually("both") { consumer.assignment.count == 2 }
                await consumer.unsubscribe(from: "T")
                #expect(consumer.assignment.map(\.topic) == ["U"])
                #expect(try await texts(1, from: consumer) == ["u"])
            }
        }
    }
}
