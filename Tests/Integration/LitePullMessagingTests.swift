import RMQBroker
import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Lite pull consumers against a real broker.
@Suite(.takesTurns) struct LitePullMessagingTests {
    private static func settings(_ adjust: (inout LitePullConfiguration) -> Void = { _ in }) -> LitePullConfiguration {
        var settings = LitePullConfiguration()
        settings.start = .first
        settings.rebalanceInterval = .milliseconds(100)
        settings.offsetPersistenceInterval = .milliseconds(50)
        adjust(&settings)
        return settings
    }

    /// Sends so many messages, their numbers as text, to the queues in turn.
    private func send(_ numbers: Range<Int>, to topic: String, with client: RocketMQClient, group: String) async throws {
        let producer = try await client.makeProducer(group: group)
        for number in numbers { try await producer.send(Message(topic: topic, text: "\(number)")) }
        await producer.close()
    }

    /// Polls until `inbox` has so many different messages.
    private func poll(until count: Int, from consumer: LitePullConsumer, into inbox: Inbox) async throws {
        try await eventually("\(count) messages") {
            for message in try await consumer.poll(timeout: .milliseconds(50)) { await inbox.add(message) }
            return await inbox.bodies.count >= count
        }
    }

    @Test func aSubscriberGetsEachMessageOnceAndGoesOnAfterARestart() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                try await send(0..<200, to: "LiteOnce", with: client, group: "p_once")
                let first = Inbox()
                let consumer = try await client.makeLitePullConsumer(group: "g_once", Self.settings())
                try await consumer.subscribe(to: "LiteOnce")
                try await poll(until: 200, from: consumer, into: first)
                #expect(await first.count == 200)
                for (queue, group) in Dictionary(grouping: await first.messages, by: \.queue) {
                    #expect(group.map(\.queueOffset) == Array(0..<Int64(group.count)), "\(queue) in its order")
                }
                try await consumer.commit()
                await consumer.close()

                try await send(200..<250, to: "LiteOnce", with: client, group: "p_once")
                let second = Inbox()
                let successor = try await client.makeLitePullConsumer(group: "g_once", Self.settings())
                try await successor.subscribe(to: "LiteOnce")
                try await poll(until: 50, from: successor, into: second)
                #expect(await second.count == 50)
                #expect(await Set(second.messages.compactMap { Int($0.text) }) == Set(200..<250))
            }
        }
    }

    /// Two members share the queues; when one leaves the other has them all, and nothing is lost.
    @Test func membersShareTheQueuesAndTakeOverFromEachOther() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                try await send(0..<1, to: "LiteShare", with: client, group: "p_share")
                let inbox = Inbox()
                let stayer = try await client.makeLitePullConsumer(group: "g_share", Self.settings())
                try await stayer.subscribe(to: "LiteShare")
                try await eventually("all queues") { stayer.assignment.count == 4 }
                try await cluster.withClient { other in
                    let guest = try await other.makeLitePullConsumer(group: "g_share", Self.settings())
                    try await guest.subscribe(to: "LiteShare")
                    try await eventually("two queues each") { stayer.assignment.count == 2 && guest.assignment.count == 2 }
                    #expect(stayer.assignment.isDisjoint(with: guest.assignment))
                    try await send(1..<100, to: "LiteShare", with: client, group: "p_share")
                    let visiting = Task { for try await message in guest.messages { await inbox.add(message) } }
                    try await poll(until: 100, from: stayer, into: inbox)
                    await guest.close()
                    try await visiting.value
                }
                try await eventually("all queues again") { stayer.assignment.count == 4 }
                try await send(100..<140, to: "LiteShare", with: client, group: "p_share")
                try await poll(until: 140, from: stayer, into: inbox)
            }
        }
    }

    @Test func assignedQueuesCanBeSoughtPausedAndCommitted() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                try await send(0..<40, to: "LiteSeek", with: client, group: "p_seek")
                let consumer = try await client.makeLitePullConsumer(group: "g_seek", Self.settings { $0.autoCommitInterval = nil })
                let queues = try await consumer.queues(of: "LiteSeek")
                try #require(queues.count == 4)
                try await consumer.assign([queues[0], queues[1]])
                let all = Inbox()
                try await poll(until: 20, from: consumer, into: all)

                try await consumer.seek(queues[0], to: .offset(7))
                let tail = Inbox()
                try await poll(until: 3, from: consumer, into: tail)
                #expect(await tail.messages.map(\.queueOffset) == [7, 8, 9])
                let outside = await #expect(throws: ClientError.self) { try await consumer.seek(queues[0], to: .offset(11)) }
                #expect(outside?.code == .offsetOutOfRange)
                let stranger = await #expect(throws: ClientError.self) { try await consumer.seek(queues[2], to: .beginning) }
                #expect(stranger?.code == .queueNotAssigned)

                consumer.pause([queues[1]])
                try await consumer.seek(queues[0], to: .beginning)
                try await consumer.seek(queues[1], to: .beginning)
                let unpaused = Inbox()
                try await poll(until: 10, from: consumer, into: unpaused)
                #expect(await Set(unpaused.messages.map(\.queue)) == [queues[0]])
                consumer.resume([queues[1]])
                try await poll(until: 20, from: consumer, into: unpaused)

                try await consumer.commit([queues[0]: 4])
                #expect(try await client.admin.committedOffset(group: "g_seek", queue: queues[0]) == 4)
                try await consumer.commit()
                #expect(try await client.admin.committedOffset(group: "g_seek", queue: queues[0]) == 10)
                #expect(try await client.admin.committedOffset(group: "g_seek", queue: queues[1]) == 10)
                await consumer.close()
            }
        }
    }

    @Test func aBrokerThatRestartsLosesNothing() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                try await send(0..<20, to: "LiteReload", with: client, group: "p_reload")
                let consumer = try await client.makeLitePullConsumer(group: "g_reload", Self.settings { $0.errorDelay = .milliseconds(100) })
                try await consumer.subscribe(to: "LiteReload")
                let inbox = Inbox()
                try await poll(until: 20, from: consumer, into: inbox)
                try await consumer.commit()
                try cluster.restartBroker()
                let producer = try await client.makeProducer(group: "p_reload")
                for number in 20..<40 {
                    try await eventually("the producer finds the broker again") {
                        (try? await producer.send(Message(topic: "LiteReload", text: "\(number)"))) != nil
                    }
                }
                try await poll(until: 40, from: consumer, into: inbox)
                await consumer.close()
            }
        }
    }

    /// This broker does not evaluate conditions, and says so before anything is consumed.
    @Test func aBrokerThatTakesNoConditionsSaysSo() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                try await send(0..<1, to: "LiteSQL", with: client, group: "p_sql")
                let consumer = try await client.makeLitePullConsumer(group: "g_sql", Self.settings())
                let refused = await #expect(throws: ClientError.self) { try await consumer.subscribe(to: "LiteSQL", .sql("price >= 15")) }
                #expect(refused?.code == .refused)
                #expect(consumer.assignment.isEmpty)
            }
        }
    }

    /// The broker moves a group while its member runs.
    @Test func anOperatorCanSetAGroupBack() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                try await send(0..<40, to: "LiteReset", with: client, group: "p_reset")
                let consumer = try await client.makeLitePullConsumer(group: "g_reset", Self.settings())
                try await consumer.subscribe(to: "LiteReset")
                let inbox = Inbox()
                try await poll(until: 40, from: consumer, into: inbox)
                try await consumer.commit()
                let loops = EventLoopGroup(count: 1, name: "operator")
                let remoting = RemotingClient(loops: loops, logger: .silent)
                defer {
                    remoting.close()
                    loops.stop()
                }
                let reset = RemotingCommand(.invokeBrokerToResetOffset, header: ResetOffsetHeader {
                    $0.group = "g_reset"
                    $0.topic = "LiteReset"
                    $0.isForced = true
                })
                let answer = try await remoting.request(reset, to: cluster.brokerAddress, timeout: .generous)
                #expect(answer.responseCode == .success, "\(answer.remark ?? "")")
                let again = Inbox()
                try await poll(until: 40, from: consumer, into: again)
            }
        }
    }
}
