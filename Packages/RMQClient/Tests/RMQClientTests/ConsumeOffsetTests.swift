@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// How a push consumer moves its group's offsets.
@Suite(.takesTurns) struct ConsumeOffsetTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    @Test func nothingIsCommittedBeforeItIsHandled() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: (0..<10).map { "\($0)" })
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let gate = SerialGate()
                let seen = Handled()
                let blocked = Task { await gate.run { await untilCancelled() } }
                let running = Task {
                    try await consumer.run { message in
                        seen.add(message)
                        if message.text == "4" { await gate.run {} }
                        return .success
                    }
                }
                try await eventually("all but one are done, and stored") { seen.texts.count == 10 && cluster.offset(of: Self.queue) == 4 }
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                #expect(cluster.offset(of: Self.queue) == 4)
                blocked.cancel()
                try await eventually("the rest is stored") { cluster.offset(of: Self.queue) == 10 }
                await consumer.close()
                try await running.value
                #expect(seen.texts.sorted() == (0..<10).map { "\($0)" })
            }
        }
    }

    @Test func offsetsAreStoredBeforeTheGroupIsLeftAndNothingComesAfter() async throws {
        try await withFakeCluster(brokers: ["a", "b"], topics: ["T": 2]) { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick { $0.offsetPersistenceInterval = .seconds(300) })
                try await consumer.subscribe(to: "T")
                let seen = Handled()
                let running = Task { try await consumer.run { seen.add($0); return .success } }
                try await eventually("both messages") { seen.texts.count == 2 }
                await consumer.close()
                try await running.value
                #expect(cluster.offset(of: Self.queue) == 2)
                let codes = cluster.state.withLock { $0.asked.filter { $0.server == "a" }.map(\.command.requestCode) }
                let last = try #require(codes.lastIndex(of: .updateConsumerOffset))
                #expect(codes[(last + 1)...].contains(.unregisterClient))
                let leaving = try #require(codes.firstIndex(of: .unregisterClient))
                #expect(Set(codes[leaving...]) == [.unregisterClient])
            }
        }
    }

    /// A broker that is slow to store an offset must not see an old one after a newer one, nor one of a queue that was given up.
    @Test func offsetsOfAQueueGoForwardWhileItIsGivenUp() async throws {
        try await withFakeCluster { _, command in
            command.requestCode == .updateConsumerOffset ? .late(.milliseconds(100)) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick { $0.offsetPersistenceInterval = .milliseconds(5) })
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("the queue is held") { !consumer.assignment.isEmpty }
                for number in 0..<40 {
                    cluster.fill("T", with: ["\(number)"])
                    try await eventually("message \(number)") { consumer.offsets[Self.queue] == Int64(number) + 1 }
                }
                cluster.state.withLock { $0.members = ["somebody else"] }
                try await eventually("the queue is given up") { consumer.assignment.isEmpty && consumer.offsets[Self.queue] == nil }
                let count = cluster.asked(.updateConsumerOffset).count
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                let offsets = try cluster.asked(.updateConsumerOffset).map { try $0.header(UpdateConsumerOffsetHeader.self).commitOffset }
                #expect(offsets == offsets.sorted())
                #expect(offsets.last == 40)
                #expect(offsets.count == count)
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func anOffsetThatABrokerDidNotTakeIsSentAgain() async throws {
        let refusals = Mutex(2)
        try await withFakeCluster { _, command in
            guard command.requestCode == .updateConsumerOffset else { return .usual }
            let isRefused = refusals.withLock { left in
                left -= 1
                return left >= 0
            }
            return isRefused ? .answer(.response(.systemError, remark: "not now")) : .usual
        } _: { cluster in
            cluster.fill("T", with: ["only"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                // Nothing else is settled that could move the offset.
                try await eventually("the offset is stored") { cluster.offset(of: Self.queue) == 1 }
                let sent = try cluster.asked(.updateConsumerOffset).map { try $0.header(UpdateConsumerOffsetHeader.self).commitOffset }
                #expect(sent == [1, 1, 1])
                await consumer.close()
                try await running.value
            }
        }
    }
}
