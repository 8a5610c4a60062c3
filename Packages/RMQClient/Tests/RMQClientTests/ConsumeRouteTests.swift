@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Servers and topics that a push consumer finds late, or that do not answer.
@Suite(.takesTurns) struct ConsumeRouteTests {
    @Test func aNameServerThatStartsLaterIsFound() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1"])
            cluster.stop(FakeCluster.nameServer)
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let seen = Handled()
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                let producer = try await client.makeProducer(group: "p")
                #expect(await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) }?.code == .connectionFailed)
                try cluster.start(FakeCluster.nameServer)
                try await eventually("the message") { seen.texts == ["1"] }
                try await producer.send(Message(topic: "T", text: "x"))
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func newQueuesAreTakenAsSoonAsTheRouteTells() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { $0.routeRefreshInterval = .milliseconds(50) } _: { client in
                // No rebalance by itself within the test.
                let consumer = try await client.makePushConsumer(group: "c", .quick { $0.rebalanceInterval = .seconds(300) })
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("one queue") {
                    consumer.wakeRebalance()
                    return consumer.assignment.count == 1
                }
                cluster.state.withLock { $0.topics["T"] = 4 }
                try await eventually("four queues") { consumer.assignment.count == 4 }
                cluster.state.withLock { $0.topics["T"] = 2 }
                try await eventually("two queues") { consumer.assignment.map(\.queueId).sorted() == [0, 1] }
                await consumer.close()
                try await running.value
            }
        }
    }

    /// A producer sends to the queues that a topic will have; there is nothing to read from them before it has them.
    @Test func aTopicThatDoesNotExistYetIsNotPulled() async throws {
        try await withFakeCluster(topics: ["TBW102": 8]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                #expect(try await producer.queues(for: "New").count == 4)
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "New")
                let running = Task { try await consumer.run { _ in .success } }
                let routes = cluster.asked(.getRouteinfoByTopic).count
                try await eventually("some rebalances") { cluster.asked(.getRouteinfoByTopic).count > routes + 6 }
                #expect(consumer.assignment.isEmpty)
                #expect(cluster.asked(.pullMessage).isEmpty)
                cluster.state.withLock { $0.topics["New"] = 2 }
                try await eventually("its queues") { consumer.assignment.count == 2 }
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func aBrokerThatDoesNotAnswerHoldsUpNoOther() async throws {
        try await withFakeCluster(brokers: ["a", "b"], topics: ["T": 8]) { broker, command in
            broker == "b" && command.requestCode == .queryConsumerOffset ? .silent : .usual
        } _: { cluster in
            cluster.fill("T", queue: 7, with: ["1"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let seen = Handled()
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                // One after the other, the eight queues of the silent broker would take 40 s.
                try await eventually("the message of the other broker") { seen.texts == ["1"] }
                await consumer.close()
                try await running.value
            }
        }
    }
}
