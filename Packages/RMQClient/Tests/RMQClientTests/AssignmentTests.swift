@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Which queues a push consumer holds, who is told of it, and what brokers are asked before.
@Suite(.takesTurns) struct AssignmentTests {
    private static let queues = (0..<2).map { MessageQueue(topic: "T", brokerName: "a", queueId: $0) }

    @Test func theAssignmentIsWatched() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { _ in .success }
            } _: { consumer in
                let clientId = consumer.core.clientId
                var watched = consumer.assignments.makeAsyncIterator()
                var held = try #require(await watched.next())
                while held != Set(Self.queues) { held = try #require(await watched.next()) }
                cluster.state.withLock { $0.members = ["0", clientId] }
                while held != [Self.queues[1]] { held = try #require(await watched.next()) }
                cluster.state.withLock { $0.members = [clientId] }
                while held != Set(Self.queues) { held = try #require(await watched.next()) }
                await consumer.unsubscribe(from: "T")
                while !held.isEmpty { held = try #require(await watched.next()) }
                await consumer.close()
                #expect(await watched.next() == nil)
                var late = consumer.assignments.makeAsyncIterator()
                #expect(await late.next() == [])
                #expect(await late.next() == nil)
            }
        }
    }

    @Test func aWatcherThatLeavesIsForgotten() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                let watching = Task { for await _ in consumer.assignments {} }
                try await eventually("it watches") { !consumer.state.withLock { $0.watchers.isEmpty } }
                watching.cancel()
                await watching.value
                #expect(consumer.state.withLock { $0.watchers.isEmpty })
            }
        }
    }

    // MARK: Subscriptions

    private func announced(_ cluster: FakeCluster, _ topic: String) throws -> [Int64] {
        try cluster.asked(.heartBeat).flatMap { try HeartbeatData(body: $0.body).consumers }
            .flatMap { $0.subscriptions.filter { $0.topic.isExactly(topic) }.map(\.version) }
    }

    @Test func brokersHearOfASubscriptionAgainWhenItsQueuesChange() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { _ in .success }
            } _: { consumer in
                let clientId = consumer.core.clientId
                try await eventually("its queues") { consumer.assignment.count == 2 }
                try await eventually("a newer version") { Set(try announced(cluster, "T")).count == 2 }
                cluster.state.withLock { $0.members = ["0", clientId] }
                try await eventually("a still newer one") { Set(try announced(cluster, "T")).count == 3 }
                #expect(try announced(cluster, "T") == announced(cluster, "T").sorted())
                // It has no queues.
                #expect(Set(try announced(cluster, "%RETRY%c")).count == 1)
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some rebalances") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                #expect(Set(try announced(cluster, "T")).count == 3, "nothing has changed since")
                // A broker that has not heard of the newest version yet must not refuse pulls.
                let pulls = try cluster.asked(.pullMessage).map { try $0.header(PullMessageHeader.self).subscriptionVersion }
                #expect(Set(pulls) == [try #require(try announced(cluster, "T").first)])
            }
        }
    }

    // MARK: Filters by properties

    @Test(arguments: [(ProtocolVersion(ordinal: 231), false), (.v4_1_0Snapshot, true)])
    func aBrokerThatIsTooOldIsNotPulledWithAFilterByProperties(version: ProtocolVersion, isPulled: Bool) async throws {
        let sink = MemorySink()
        try await withFakeCluster { _, command in
            guard command.requestCode == .heartBeat else { return .usual }
            var answer = RemotingCommand.response(.success)
            answer.version = version.ordinal
            return .answer(answer)
        } _: { cluster in
            try await cluster.withClient { $0.logger = Logger(category: "client", level: .warning, sink: sink) } _: { client in
                cluster.state.withLock { $0.members = [client.clientId] }
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T", .sql("price > 20"))
                let running = Task { try await consumer.run { _ in .success } }
                if isPulled {
                    try await eventually("a pull") { !cluster.asked(.pullMessage).isEmpty }
                } else {
                    try await eventually("a line about it") { sink.messages.contains { $0.contains("no filters by properties") } }
                    #expect(cluster.asked(.pullMessage).isEmpty)
                    let error = await failure { () throws(ClientError) in
                        _ = try await client.pull(from: Self.queues[0], offset: 0, filter: .sql("price > 20"), group: "d")
                    }
                    #expect(error?.code == .unsupported)
                }
                await consumer.close()
                try await running.value
            }
        }
    }
}
