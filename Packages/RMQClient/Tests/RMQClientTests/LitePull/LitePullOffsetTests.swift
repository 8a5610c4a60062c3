@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// When what was polled counts as consumed.
@Suite(.takesTurns) struct LitePullOffsetTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    @Test func aMessageCountsWhenALaterPollRuns() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { $0.pullBatchSize = 2 })
                try await consumer.subscribe(to: "T")
                #expect(try await texts(2, from: consumer) == ["1", "2"])
                await consumer.close()
                #expect(cluster.offset(of: Self.queue) == 0, "the last poll does not count")

                let second = try await client.makeLitePullConsumer(group: "l", .quick { $0.pullBatchSize = 2 })
                try await second.subscribe(to: "T")
                #expect(try await texts(3, from: second) == ["1", "2", "3"])
                await second.close()
                #expect(cluster.offset(of: Self.queue) == 2)
            }
        }
    }

    @Test func offsetsMoveAtTheFirstPollAndThenOnceAnInterval() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await cluster.withClient { client in
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { settings in
                    settings.pullBatchSize = 1
                    settings.autoCommitInterval = .seconds(300)
                })
                try await consumer.subscribe(to: "T")
                #expect(try await texts(3, from: consumer) == ["1", "2", "3"])
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
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { $0.autoCommitInterval = nil })
                try await consumer.subscribe(to: "T")
                #expect(try await texts(3, from: consumer) == ["1", "2", "3"])
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
                let below = try await client.makeLitePullConsumer(group: "m", .quick())
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
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick())
                try await consumer.subscribe(to: "T")
                _ = try await texts(1, from: consumer)
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
                let consumer = try await client.makeLitePullConsumer(group: "l", .quick { $0.start = .last })
                try await consumer.subscribe(to: "T")
                try await eventually("a pull") { !cluster.asked(.pullMessage).isEmpty }
                _ = try await consumer.poll(timeout: .zero)
                await consumer.close()
                cluster.fill("T", with: ["1"])
                let second = try await client.makeLitePullConsumer(group: "l", .quick { $0.start = .last })
                try await second.subscribe(to: "T")
                #expect(try await texts(1, from: second) == ["1"])
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
                    let consumer = try await client.makeLitePullConsumer(group: "l", .quick { $0.model = .broadcasting(offsetDirectory: folder.path) })
                    try await consumer.subscribe(to: "T")
                    #expect(try await texts(expected.count, from: consumer) == expected)
                    try await consumer.commit()
                    await consumer.close()
                }
                cluster.fill("T", with: ["3"])
            }
            #expect(cluster.asked(.updateConsumerOffset).isEmpty)
        }
    }
}
