@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// What a poll gives, and what it waits for.
@Suite(.takesTurns) struct LitePollTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

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
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { $0.autoCommitInterval = nil })
                try await consumer.subscribe(to: "T")
                #expect(try await texts(4, from: consumer) == ["0", "1", "2", "3"])
                for (position, expected) in [
                    (.beginning, ["0", "1", "2", "3"]), (.offset(3), ["3"]), (.timestamp(1), ["2", "3"]),
                ] as [(SeekPosition, [String])] {
                    try await consumer.seek(Self.queue, to: position)
                    #expect(try await texts(expected.count, from: consumer) == expected, "\(position)")
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
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
                try await consumer.assign(Set(queues))
                cluster.fill("T", queue: 0, with: ["before"])
                try await eventually("it is pulled") { consumer.board.change { $0.cachedCount } == 1 }
                consumer.pause([queues[0], MessageQueue(topic: "Unknown", brokerName: "a", queueId: 0)])
                // A pull may be on its way; the next ones see the pause.
                let held = cluster.asked(.pullMessage).count
                try await eventually("pulls of the other queue go on") { cluster.asked(.pullMessage).count > held + 3 }
                cluster.fill("T", queue: 0, with: ["while paused"])
                cluster.fill("T", queue: 1, with: ["other"])
                #expect(try await texts(2, from: consumer).sorted() == ["before", "other"])
                consumer.resume([queues[0]])
                #expect(try await texts(1, from: consumer) == ["while paused"])
            }
        }
    }

    @Test func pullsPauseWhenNobodyPolls() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: (0..<100).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { settings in
                    settings.pullBatchSize = 10
                    settings.maxCachedMessages = 25
                })
                try await consumer.subscribe(to: "T")
                try await eventually("the cache is full") { consumer.board.change { $0.cachedCount } == 30 }
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                #expect(cluster.asked(.pullMessage).count == 3)
                #expect(try await texts(100, from: consumer) == (0..<100).map { "\($0)" })
            }
        }
    }

    // MARK: Polls

    @Test func aPollWaitsForItsTimeAndNoLonger() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { $0.pollTimeout = .milliseconds(30) })
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
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
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
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
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
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
                try await consumer.subscribe(to: "T")
                #expect(try await texts(1, from: consumer) == ["1"])
            }
        }
    }

    @Test func whatIsPulledAndPolledIsCounted() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: (0..<100).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
                try await consumer.subscribe(to: "T")
                _ = try await texts(100, from: consumer)
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
