@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Locks of queues that are consumed in order: each that a broker may have given is given back.
@Suite(.takesTurns) struct QueueLockTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)
    private static let other = MessageQueue(topic: "T", brokerName: "b", queueId: 0)

    // MARK: What is kept of them

    @Test func aLockIsOursFromTheQuestionOn() {
        var locks = HeldLocks()
        let mayAsk = locks.ask([Self.queue, Self.other])
        #expect(mayAsk)
        locks.forget([Self.other])
        #expect(locks.held == [Self.queue])
        let last = locks.finish()
        #expect(last == [Self.queue])
        let mayAskOnceMore = locks.ask([Self.queue])
        #expect(!mayAskOnceMore, "it is over")
    }

    @Test func aLockThatIsAskedForAgainDoesNotLeave() {
        var locks = HeldLocks()
        locks.leave(Self.queue)
        #expect(!locks.isLeaving(Self.queue), "it was not asked for")
        _ = locks.ask([Self.queue])
        locks.leave(Self.queue)
        #expect(locks.isLeaving(Self.queue))
        #expect(locks.held.isEmpty)
        _ = locks.ask([Self.queue])
        #expect(!locks.isLeaving(Self.queue))
        #expect(locks.isHeld(Self.queue))
    }

    // MARK: Closing

    /// The queue is given up while the consumer is being closed: nobody is left who would unlock it later.
    @Test func closingUnlocksAQueueThatIsJustGivenUp() async throws {
        try await withFakeCluster { _, command in
            command.requestCode == .updateConsumerOffset ? .late(.milliseconds(300)) : .usual
        } _: { cluster in
            cluster.fill("T", with: ["done", "open"])
            try await withConsumer(of: cluster, .quick { $0.offsetPersistenceInterval = .seconds(300) }) { consumer in
                try await consumer.runOrdered { $0[0].text == "done" ? .success : .suspendQueue(for: .seconds(30)) }
            } _: { consumer in
                try await eventually("the first is done with") { consumer.runningQueues[Self.queue]?.commitOffset == 1 }
                cluster.state.withLock { $0.members = ["somebody else"] }
                try await eventually("the offset is being stored") { !cluster.asked(.updateConsumerOffset).isEmpty }
                await consumer.close(gracePeriod: .zero)
                #expect(cluster.state.withLock { $0.locks.isEmpty })
            }
        }
    }

    /// It is unlocked after 20 seconds, or when the consumer is closed before.
    @Test func closingUnlocksAQueueThatWaitsToBeUnlocked() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["open", "open too"])
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { _ in .suspendQueue(for: .seconds(30)) }
            } _: { consumer in
                try await eventually("it failed") { consumer.runningQueues[Self.queue]?.lastHandOut ?? 0 > 0 }
                cluster.state.withLock { $0.members = ["somebody else"] }
                try await eventually("it is given up") { consumer.runningQueues.isEmpty }
                #expect(cluster.state.withLock { $0.locks.count } == 1)
                #expect(cluster.asked(.unlockBatchMq).isEmpty)
                await consumer.close(gracePeriod: .zero)
                #expect(cluster.state.withLock { $0.locks.isEmpty })
            }
        }
    }

    /// The broker gave the lock, and does not say where the group is.
    @Test func closingUnlocksAQueueThatWasNotTaken() async throws {
        try await withFakeCluster { _, command in command.requestCode == .queryConsumerOffset ? .silent : .usual } _: { cluster in
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { _ in .success }
            } _: { consumer in
                try await eventually("it is locked") { cluster.state.withLock { $0.locks.count } == 1 }
                #expect(consumer.assignment.isEmpty)
                await consumer.close()
                #expect(cluster.state.withLock { $0.locks.isEmpty })
            }
        }
    }

    @Test func closingUnlocksAQueueWhoseLockWasNotAnswered() async throws {
        try await withFakeCluster { _, command in command.requestCode == .lockBatchMq ? .late(.milliseconds(500)) : .usual } _: { cluster in
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { _ in .success }
            } _: { consumer in
                try await eventually("it is locked") { cluster.state.withLock { $0.locks.count } == 1 }
                await consumer.close()
                #expect(cluster.state.withLock { $0.locks.isEmpty })
            }
        }
    }

    // MARK: Rebalancing

    @Test func aLockedQueueWithoutAStartIsLeftToOthers() async throws {
        try await withFakeCluster { _, command in
            command.requestCode == .queryConsumerOffset ? .answer(.response(.systemError, remark: "no")) : .usual
        } _: { cluster in
            // One rebalance alone, which finds no start.
            try await withConsumer(of: cluster, .quick { $0.rebalanceInterval = .seconds(300) }) { consumer in
                try await consumer.runOrdered { _ in .success }
            } _: { _ in
                try await eventually("a lock was asked for") { !cluster.asked(.lockBatchMq).isEmpty }
                try await eventually("and given back") { !cluster.asked(.unlockBatchMq).isEmpty && cluster.state.withLock { $0.locks.isEmpty } }
            }
        }
    }

    /// A renewal that begins before a queue is given up must not arrive after its lock was given back.
    @Test func whatWasGivenUpIsNotLockedAgain() async throws {
        try await withFakeCluster { cluster in
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { _ in .success }
            } _: { consumer in
                try await eventually("it is held") { !consumer.assignment.isEmpty }
                let assigned = try #require(consumer.state.withLock { $0.assigned[Self.queue] })
                cluster.state.withLock { $0.members = ["somebody else"] }
                try await eventually("it is given back") { cluster.state.withLock { $0.locks.isEmpty } }
                await consumer.lock([assigned])
                #expect(cluster.state.withLock { $0.locks.isEmpty })
            }
        }
    }
}
