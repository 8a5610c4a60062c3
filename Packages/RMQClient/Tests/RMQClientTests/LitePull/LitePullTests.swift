@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// A lite pull consumer against servers that behave as told.
@Suite(.takesTurns) struct LitePullTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    /// Short intervals, so that tests need not wait for the product's; from the first message on.
    private func quick(_ adjust: (inout LitePullConfiguration) -> Void = { _ in }) -> LitePullConfiguration {
        var configuration = LitePullConfiguration()
        configuration.start = .first
        configuration.rebalanceInterval = .milliseconds(50)
        configuration.offsetPersistenceInterval = .milliseconds(20)
        configuration.errorDelay = .milliseconds(20)
        adjust(&configuration)
        return configuration
    }

    /// Polls until so many messages came.
    private func poll(_ count: Int, from consumer: LitePullConsumer) async throws -> [String] {
        var texts: [String] = []
        try await eventually("\(count) messages") {
            texts += try await consumer.poll(timeout: .milliseconds(20)).map(\.text)
            return texts.count >= count
        }
        return texts
    }

    // MARK: What brokers are told

    @Test func heartbeatsAndPullsSayWhatTheReferencesDo() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
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
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
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

    // MARK: Modes

    @Test func subscribingAndAssigningExcludeEachOther() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let subscriber = try await client.makeLitePullConsumer(group: "s", quick())
                let early = await failure { () throws(ClientError) in _ = try await subscriber.poll() }
                #expect(early?.code == .notSubscribed)
                try await subscriber.subscribe(to: "T")
                let assigning = await failure { () throws(ClientError) in try await subscriber.assign([Self.queue]) }
                #expect(assigning?.code == .subscriptionConflict)

                let assigned = try await client.makeLitePullConsumer(group: "a", quick())
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
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
                try await consumer.assign([queues[0], queues[1]])
                #expect(consumer.assignment == [queues[0], queues[1]])
                #expect(try await poll(2, from: consumer).sorted() == ["0", "1"])
                try await consumer.assign([queues[1], queues[2]])
                #expect(consumer.assignment == [queues[1], queues[2]])
                #expect(try await poll(1, from: consumer) == ["2"], "the queue that stayed goes on where it is")
                let heartbeat = try HeartbeatData(body: try #require(cluster.asked(.heartBeat).last).body)
                #expect(heartbeat.consumers.first?.subscriptions.isEmpty == true)
                #expect(cluster.asked(.getConsumerListByGroup).isEmpty)
            }
        }
    }

    // MARK: Rebalance

    @Test func queuesThatGoToAnotherMemberAreStoredAndLeft() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            for id in Int32(0)..<2 { cluster.fill("T", queue: id, with: ["\(id)"]) }
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick { $0.offsetPersistenceInterval = .seconds(300) })
                var changes = consumer.assignments.makeAsyncIterator()
                let before = await changes.next()
                #expect(before == [])
                try await consumer.subscribe(to: "T")
                try await eventually("both queues") { consumer.assignment.count == 2 }
                let both = await changes.next()
                #expect(both?.count == 2)
                _ = try await poll(2, from: consumer)
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
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
                try await consumer.subscribe(to: "T")
                try await consumer.subscribe(to: "U")
                try await eventually("both") { consumer.assignment.count == 2 }
                await consumer.unsubscribe(from: "T")
                #expect(consumer.assignment.map(\.topic) == ["U"])
                #expect(try await poll(1, from: consumer) == ["u"])
            }
        }
    }

    // MARK: Offsets

    @Test func aMessageCountsWhenALaterPollRuns() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick { $0.pullBatchSize = 2 })
                try await consumer.subscribe(to: "T")
                #expect(try await poll(2, from: consumer) == ["1", "2"])
                await consumer.close()
                #expect(cluster.offset(of: Self.queue) == 0, "the last poll does not count")

                let second = try await client.makeLitePullConsumer(group: "l", quick { $0.pullBatchSize = 2 })
                try await second.subscribe(to: "T")
                #expect(try await poll(3, from: second) == ["1", "2", "3"])
                await second.close()
                #expect(cluster.offset(of: Self.queue) == 2)
            }
        }
    }

    @Test func offsetsMoveAtTheFirstPollAndThenOnceAnInterval() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick { settings in
                    settings.pullBatchSize = 1
                    settings.autoCommitInterval = .seconds(300)
                })
                try await consumer.subscribe(to: "T")
                #expect(try await poll(3, from: consumer) == ["1", "2", "3"])
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                #expect((cluster.offset(of: Self.queue) ?? 0) == 0)
                await consumer.close()
                #expect(cluster.offset(of: Self.queue) == 2, "what counts is stored at the end")
            }
        }
    }

    @Test func withoutAutomaticCommitsOnlyACommitMovesOffsets() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick { $0.autoCommitInterval = nil })
                try await consumer.subscribe(to: "T")
                #expect(try await poll(3, from: consumer) == ["1", "2", "3"])
                _ = try await consumer.poll(timeout: .zero)
                #expect(try await consumer.committedOffset(of: Self.queue) == nil)
                try await consumer.commit([Self.queue: 1])
                #expect(cluster.offset(of: Self.queue) == 1, "stored when it returns")
                try await consumer.commit()
                #expect(cluster.offset(of: Self.queue) == 3, "the last poll too")
                #expect(try await consumer.committedOffset(of: Self.queue) == 3)
                try await consumer.commit([Self.queue: 2])
                #expect(cluster.offset(of: Self.queue) == 2, "also back")
                await consumer.close()
                #expect(cluster.offset(of: Self.queue) == 2)
                let below = try await client.makeLitePullConsumer(group: "m", quick())
                try await below.assign([Self.queue])
                let negative = await failure { () throws(ClientError) in try await below.commit([Self.queue: -1]) }
                #expect(negative?.code == .offsetOutOfRange)
            }
        }
    }

    @Test func aCommitThatTheBrokerDoesNotTakeIsAnErrorAndTriedAgain() async throws {
        let refuses = Mutex(true)
        try await withFakeCluster { _, command in
            guard command.requestCode == .updateConsumerOffset, refuses.withLock({ $0 }) else { return .usual }
            return .answer(.response(.systemError, remark: "not now"))
        } _: { cluster in
            cluster.fill("T", with: ["1"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
                try await consumer.subscribe(to: "T")
                _ = try await poll(1, from: consumer)
                let refused = await failure { () throws(ClientError) in try await consumer.commit() }
                #expect(refused?.code == .refused)
                #expect(refused?.remark == "not now")
                refuses.withLock { $0 = false }
                try await eventually("it is stored in the background") { cluster.offset(of: Self.queue) == 1 }
            }
        }
    }

    /// A group without offsets that finds nothing yet keeps its place: what comes while its member restarts is not passed over.
    @Test func thePlaceOfAnEmptyQueueIsKept() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick { $0.start = .last })
                try await consumer.subscribe(to: "T")
                try await eventually("a pull") { !cluster.asked(.pullMessage).isEmpty }
                _ = try await consumer.poll(timeout: .zero)
                await consumer.close()
                cluster.fill("T", with: ["1"])
                let second = try await client.makeLitePullConsumer(group: "l", quick { $0.start = .last })
                try await second.subscribe(to: "T")
                #expect(try await poll(1, from: second) == ["1"])
            }
        }
    }

    @Test func broadcastingMembersHaveAllQueuesAndOffsetsOfTheirOwn() async throws {
        let folder = try TemporaryFolder()
        try await withFakeCluster(topics: ["T": 1]) { cluster in
            cluster.fill("T", with: ["1", "2"])
            cluster.state.withLock { $0.members = ["somebody else"] }
            for expected in [["1", "2"], ["3"]] {
                try await cluster.withClient({ $0.instanceName = .fixed("one") }) { client in
                    let consumer = try await client.makeLitePullConsumer(group: "l", quick { $0.model = .broadcasting(offsetDirectory: folder.path) })
                    try await consumer.subscribe(to: "T")
                    #expect(try await poll(expected.count, from: consumer) == expected)
                    try await consumer.commit()
                    await consumer.close()
                }
                cluster.fill("T", with: ["3"])
            }
            #expect(cluster.asked(.updateConsumerOffset).isEmpty)
        }
    }

    // MARK: Seek, pause, flow

    @Test func aSeekTakesEffectAtOnceAlsoWhileABrokerHoldsAPull() async throws {
        try await withFakeCluster(script: { _, command in
            switch command.requestCode {
            case .getMinOffset: .answer(.response(.success, header: OffsetResponseHeader(offset: 0)))
            case .searchOffsetByTimestamp: .answer(.response(.success, header: OffsetResponseHeader(offset: 2)))
            // The end of the queue is held for ever.
            case .pullMessage where (try? command.header(PullMessageHeader.self).queueOffset) == 4: .silent
            default: .usual
            }
        }) { cluster in
            cluster.fill("T", with: ["0", "1", "2", "3"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick { $0.autoCommitInterval = nil })
                try await consumer.subscribe(to: "T")
                #expect(try await poll(4, from: consumer) == ["0", "1", "2", "3"])
                for (position, expected) in [
                    (.beginning, ["0", "1", "2", "3"]), (.offset(3), ["3"]), (.timestamp(1), ["2", "3"]),
                ] as [(SeekPosition, [String])] {
                    try await consumer.seek(Self.queue, to: position)
                    #expect(try await poll(expected.count, from: consumer) == expected, "\(position)")
                }
                try await consumer.seek(Self.queue, to: .end)
                #expect(try await consumer.poll(timeout: .milliseconds(50)).isEmpty)
                try await consumer.commit()
                #expect(cluster.offset(of: Self.queue) == 4)
                for offset in [-1, 5] as [Int64] {
                    let outside = await failure { () throws(ClientError) in try await consumer.seek(Self.queue, to: .offset(offset)) }
                    #expect(outside?.code == .offsetOutOfRange)
                }
            }
        }
    }

    @Test func aPausedQueueGivesWhatWasPulledAndNoMore() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            let queues = (0..<2).map { MessageQueue(topic: "T", brokerName: "a", queueId: $0) }
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
                try await consumer.assign(Set(queues))
                cluster.fill("T", queue: 0, with: ["before"])
                try await eventually("it is pulled") { consumer.board.change { $0.cachedCount } == 1 }
                consumer.pause([queues[0], MessageQueue(topic: "Unknown", brokerName: "a", queueId: 0)])
                // A pull may be on its way; the next ones see the pause.
                let held = cluster.asked(.pullMessage).count
                try await eventually("pulls of the other queue go on") { cluster.asked(.pullMessage).count > held + 3 }
                cluster.fill("T", queue: 0, with: ["while paused"])
                cluster.fill("T", queue: 1, with: ["other"])
                #expect(try await poll(2, from: consumer).sorted() == ["before", "other"])
                consumer.resume([queues[0]])
                #expect(try await poll(1, from: consumer) == ["while paused"])
            }
        }
    }

    @Test func pullsPauseWhenNobodyPolls() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: (0..<100).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick { settings in
                    settings.pullBatchSize = 10
                    settings.maxCachedMessages = 25
                })
                try await consumer.subscribe(to: "T")
                try await eventually("the cache is full") { consumer.board.change { $0.cachedCount } == 30 }
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                #expect(cluster.asked(.pullMessage).count == 3)
                #expect(try await poll(100, from: consumer) == (0..<100).map { "\($0)" })
            }
        }
    }

    // MARK: Polls

    @Test func aPollWaitsForItsTimeAndNoLonger() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick { $0.pollTimeout = .milliseconds(30) })
                try await consumer.subscribe(to: "T")
                #expect(try await consumer.poll().isEmpty)
                #expect(try await consumer.poll(timeout: .zero).isEmpty)
                let waiting = Task { try await consumer.poll(timeout: .generous) }
                try await eventually("a queue") { !consumer.assignment.isEmpty }
                cluster.fill("T", with: ["now"])
                #expect(try await waiting.value.map(\.text) == ["now"])
            }
        }
    }

    @Test func aWaitingPollEndsWithItsTaskAndWithTheConsumer() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
                try await consumer.subscribe(to: "T")
                let cancelled = Task { await failure { () throws(ClientError) in _ = try await consumer.poll(timeout: .generous) } }
                cancelled.cancel()
                #expect(await cancelled.value?.code == .cancelled)
                let closed = Task { try await consumer.poll(timeout: .generous) }
                let looping = Task { for try await _ in consumer.messages {} }
                try await eventually("a queue") { !consumer.assignment.isEmpty }
                await consumer.close()
                _ = await closed.result
                try await looping.value
                #expect(consumer.assignment.isEmpty)
            }
        }
    }

    @Test func aLoopThatIsLeftGivesTheRestOfItsBatchBack() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3", "4"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
                try await consumer.subscribe(to: "T")
                var seen: [String] = []
                for try await message in consumer.messages {
                    seen.append(message.text)
                    if seen.count == 2 { break }
                }
                for try await message in consumer.messages {
                    seen.append(message.text)
                    if seen.count == 4 { break }
                }
                #expect(seen == ["1", "2", "3", "4"])
            }
        }
    }

    @Test func aBrokerThatFailsIsPulledAgain() async throws {
        let failures = Mutex(3)
        try await withFakeCluster { _, command in
            guard command.requestCode == .pullMessage || command.requestCode == .queryConsumerOffset else { return .usual }
            let fails = failures.withLock { left in
                left -= 1
                return left >= 0 && command.requestCode == .pullMessage
            }
            return fails ? .answer(.response(.systemError, remark: "not now")) : .usual
        } _: { cluster in
            cluster.fill("T", with: ["1"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
                try await consumer.subscribe(to: "T")
                #expect(try await poll(1, from: consumer) == ["1"])
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
                    let settings = quick(adjust)
                    let refused = await failure { () throws(ClientError) in _ = try await client.makeLitePullConsumer(group: "l", settings) }
                    #expect(refused?.code == .invalidConfiguration)
                }
                _ = try await client.makePushConsumer(group: "taken")
                let taken = await failure { () throws(ClientError) in _ = try await client.makeLitePullConsumer(group: "taken") }
                #expect(taken?.code == .groupAlreadyRegistered)
            }
        }
    }

    @Test func whatIsPulledAndPolledIsCounted() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: (0..<100).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", quick())
                try await consumer.subscribe(to: "T")
                _ = try await poll(100, from: consumer)
                client.core.statistics.takeSample(round: 1, now: .now)
                let statistics = try #require(consumer.statistics()["T"])
                #expect(statistics.pulledPerSecond > 0)
                #expect(statistics.consumedPerSecond > 0)
                #expect(statistics.failedPerSecond == 0)
            }
        }
    }

    // MARK: One pull

    @Test func onePullNeedsNoConsumer() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await cluster.withClient { client in
                let result = try await client.pull(from: Self.queue, offset: 1, maxCount: 1, group: "g")
                #expect(result.status == .found)
                #expect(result.messages.map(\.text) == ["2"])
                #expect(result.nextOffset == 2)
                #expect(result.maxOffset == 3)
                let waiting = try await client.pull(from: Self.queue, offset: 3, group: "g", wait: .milliseconds(10))
                #expect(waiting.status == .noNewMessage)
                let pulls = try cluster.asked(.pullMessage).map { try $0.header(PullMessageHeader.self) }
                #expect(pulls.map(\.flags) == [[.carriesSubscription], [.carriesSubscription, .suspends]])
                #expect(pulls.map(\.suspendTimeoutMillis) == [0, 10])
                let below = await failure { () throws(ClientError) in _ = try await client.pull(from: Self.queue, offset: -1, group: "g") }
                #expect(below?.code == .invalidConfiguration)
            }
        }
    }
}
