@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// How a push consumer ends.
@Suite(.takesTurns) struct ConsumeEndTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    @Test func closingLetsAHandlerFinishAndCancelsItAfterTheGracePeriod() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["patient", "endless"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let (seen, cancelled) = (Handled(), Handled())
                let running = Task {
                    try await consumer.run { message in
                        seen.add(message)
                        if message.text == "endless" {
                            await untilCancelled()
                            cancelled.add(message)
                            throw CancellationError()
                        }
                        while consumer.isRunning { await Task.yield() }
                        return .success
                    }
                }
                try await eventually("both are being handled") { seen.texts.count == 2 }
                await consumer.close(gracePeriod: .milliseconds(300))
                try await running.value
                #expect(cancelled.texts == ["endless"])
                // The one that finished is stored, the other comes again to somebody else.
                #expect(cluster.offset(of: Self.queue) == 1)
            }
        }
    }

    @Test func cancellingRunLeavesTheGroupAndLosesNothing() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["done", "endless"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let running = Task {
                    try await consumer.run { message in
                        if message.text == "endless" {
                            await untilCancelled()
                            throw CancellationError()
                        }
                        return .success
                    }
                }
                try await eventually("the first is stored") { cluster.offset(of: Self.queue) == 1 }
                running.cancel()
                try await running.value
                #expect(cluster.asked(.unregisterClient).count == 1)
                #expect(cluster.offset(of: Self.queue) == 1)
                #expect(await failure { () throws(ClientError) in try await consumer.run { _ in .success } }?.code == .closed)
                #expect(await failure { () throws(ClientError) in for try await _ in consumer.deliveries {} }?.code == .closed)
            }
        }
    }

    @Test func runIsForOneCallerAtATime() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("it runs") { consumer.isRunning }
                #expect(await failure { () throws(ClientError) in try await consumer.run { _ in .success } }?.code == .alreadyRunning)
                await consumer.close()
                try await running.value
                // The group is free again.
                _ = try await client.makePushConsumer(group: "c", .quick())
            }
        }
    }

    @Test func aClosedConsumerIsNotAnnouncedAgain() async throws {
        try await withFakeCluster { _, command in command.requestCode == .heartBeat ? .late(.milliseconds(30)) : .usual } _: { cluster in
            try await cluster.withClient { $0.heartbeatInterval = .milliseconds(1) } _: { client in
                _ = try await client.makeProducer(group: "p")
                for number in 0..<5 {
                    let consumer = try await client.makePushConsumer(group: "c\(number)", .quick())
                    try await consumer.subscribe(to: "T")
                    let running = Task { try await consumer.run { _ in .success } }
                    try await eventually("it holds a queue") { !consumer.assignment.isEmpty }
                    await consumer.close()
                    try await running.value
                    let count = cluster.asked(.heartBeat).count
                    try await eventually("two more heartbeats, of the producer") { cluster.asked(.heartBeat).count >= count + 2 }
                    let asked = cluster.state.withLock { $0.asked.map(\.command) }
                    let left = try #require(asked.lastIndex { $0.requestCode == .unregisterClient })
                    let after = try asked[left...].filter { $0.requestCode == .heartBeat }.map { try HeartbeatData(body: $0.body) }
                    #expect(after.allSatisfy { $0.consumers.isEmpty })
                }
            }
        }
    }

    @Test func aClosedConsumerIsFreed() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1"])
            weak var leaked: PushConsumer?
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                leaked = consumer
                try await consumer.subscribe(to: "T")
                let seen = Handled()
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                try await eventually("the message") { seen.texts == ["1"] }
                await consumer.close()
                try await running.value
            }
            try await eventually("it is freed") { leaked == nil }
        }
    }
}
