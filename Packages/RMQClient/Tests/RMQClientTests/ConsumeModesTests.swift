@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// The ways to take messages: batches, in order, as a sequence; and what stands around them.
@Suite(.takesTurns) struct ConsumeModesTests {
    private static let topics: [String: Int32] = ["T": 1, "%RETRY%c": 1]
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    // MARK: Batches

    @Test func batchesHaveMessagesOfOneQueueUpToTheirSize() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            for id in [Int32(0), 1] { cluster.fill("T", queue: id, with: (0..<50).map { "\(id) \($0)" }) }
            let seen = Handled()
            let isMixed = Atomic<Bool>(false)
            try await withConsumer(of: cluster, .quick { $0.batchSize = 10 }) { consumer in
                try await consumer.runBatches { messages in
                    seen.add(messages)
                    if Set(messages.map(\.queueId)).count > 1 { isMixed.store(true, ordering: .relaxed) }
                    return .success
                }
            } _: { consumer in
                try await eventually("both queues are done with") {
                    [Int32(0), 1].allSatisfy { cluster.offset(of: MessageQueue(topic: "T", brokerName: "a", queueId: $0)) == 50 }
                }
            }
            #expect(Set(seen.texts).count == 100)
            #expect(seen.texts.count == 100)
            #expect(seen.batchSizes.max() == 10)
            let mixed = isMixed.load(ordering: .relaxed)
            #expect(!mixed)
        }
    }

    @Test func theAcknowledgedPartOfABatchIsDoneAndTheRestComesAgain() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["1", "2", "3", "4"])
            let seen = Handled()
            try await withConsumer(of: cluster, .quick { $0.batchSize = 4 }) { consumer in
                try await consumer.runBatches { messages in
                    seen.add(messages)
                    return messages.count == 4 ? .acknowledged(2, retryRestAfter: .level(5)) : .success
                }
            } _: { _ in
                try await eventually("the queue is done with") { cluster.offset(of: Self.queue) == 4 }
                try await eventually("the rest came again") { seen.texts.count >= 6 }
            }
            #expect(Array(seen.texts[..<4]) == ["1", "2", "3", "4"])
            #expect(seen.texts[4...].sorted() == ["3", "4"])
            let back = try cluster.asked(.consumerSendMsgBack).map { try $0.header(SendBackHeader.self) }
            #expect(back.map(\.originMessageId).compactMap(\.self).sorted() == ["id-3", "id-4"])
            #expect(back.allSatisfy { $0.delayLevel == 5 })
        }
    }

    @Test func aBatchWhoseHandlerThrowsComesAgain() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            let seen = Handled()
            try await withConsumer(of: cluster, .quick { $0.batchSize = 8 }) { consumer in
                try await consumer.runBatches { messages in
                    seen.add(messages)
                    if messages[0].reconsumeTimes == 0 { throw CancellationError() }
                    return .success
                }
            } _: { _ in
                try await eventually("all came again") { seen.texts.count >= 6 && cluster.offset(of: Self.queue) == 3 }
            }
            #expect(seen.reconsumeTimes.sorted() == [0, 0, 0, 1, 1, 1])
        }
    }

    // MARK: Concurrency

    @Test func allPlacesAreTakenWhenHandlersWait() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: (0..<40).map { "\($0)" })
            let barrier = Barrier()
            let running = Atomic<Int>(0), most = Atomic<Int>(0)
            try await withConsumer(of: cluster, .quick { $0.maxConcurrency = 30 }) { consumer in
                try await consumer.run { _ in
                    let now = running.wrappingAdd(1, ordering: .relaxed).newValue
                    most.max(now, ordering: .relaxed)
                    await barrier.pass()
                    running.wrappingSubtract(1, ordering: .relaxed)
                    return .success
                }
            } _: { _ in
                try await eventually("every place is taken") { running.load(ordering: .relaxed) == 30 }
                let round = cluster.asked(.getConsumerListByGroup).count
                try await eventually("some time has passed") { cluster.asked(.getConsumerListByGroup).count > round + 4 }
                barrier.open()
                try await eventually("everything") { cluster.offset(of: Self.queue) == 40 }
            }
            let reached = most.load(ordering: .relaxed)
            #expect(reached == 30)
        }
    }

    // MARK: In order

    @Test func messagesOfAQueueComeOneAfterTheOtherUnderItsLock() async throws {
        try await withFakeCluster(topics: ["T": 3]) { cluster in
            for id in Int32(0)..<3 { cluster.fill("T", queue: id, with: (0..<40).map { "\(id) \($0)" }) }
            let seen = Handled()
            let busy = Mutex<Set<Int32>>([])
            let overlaps = Atomic<Int>(0)
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { messages in
                    let id = messages[0].queueId
                    if !busy.withLock({ $0.insert(id).inserted }) { overlaps.wrappingAdd(1, ordering: .relaxed) }
                    await Task.yield()
                    seen.add(messages)
                    busy.withLock { _ = $0.remove(id) }
                    return .success
                }
            } _: { consumer in
                try await eventually("all queues are done with") {
                    (Int32(0)..<3).allSatisfy { cluster.offset(of: MessageQueue(topic: "T", brokerName: "a", queueId: $0)) == 40 }
                }
                #expect(cluster.state.withLock { $0.locks.count } == 3)
                #expect(consumer.runningQueues.values.allSatisfy { $0.isLocked })
            }
            let overlapCount = overlaps.load(ordering: .relaxed)
            #expect(overlapCount == 0)
            for id in 0..<3 { #expect(seen.texts.filter { $0.hasPrefix("\(id) ") } == (0..<40).map { "\(id) \($0)" }) }
            // Closing gave the locks back, before the group was left.
            #expect(cluster.state.withLock { $0.locks.isEmpty })
            let codes = cluster.state.withLock { $0.asked.filter { $0.server == "a" }.map(\.command.requestCode) }
            let unlocked = try #require(codes.lastIndex(of: .unlockBatchMq))
            #expect(codes[unlocked...].contains(.unregisterClient))
            let request = try LockBatchRequest(body: #require(cluster.asked(.lockBatchMq).first).body)
            #expect(request.consumerGroup == "c")
            #expect(request.queues.count == 3)
        }
    }

    @Test func aFailureStopsTheQueueAndTheSameMessagesComeAgain() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            let seen = Handled()
            try await withConsumer(of: cluster, .quick { $0.batchSize = 2 }) { consumer in
                try await consumer.runOrdered { messages in
                    seen.add(messages)
                    switch messages[0].reconsumeTimes {
                    case 0 where messages[0].text == "1": throw CancellationError()
                    case 1: return .suspendQueue(for: .milliseconds(10))
                    default: return .success
                    }
                }
            } _: { _ in
                try await eventually("the queue is done with") { cluster.offset(of: Self.queue) == 3 }
            }
            #expect(seen.texts == ["1", "2", "1", "2", "1", "2", "3"])
            #expect(seen.reconsumeTimes == [0, 0, 1, 1, 2, 2, 0])
            #expect(cluster.asked(.consumerSendMsgBack).isEmpty)
        }
    }

    @Test func anOrderedMessageThatFailsTooOftenGoesToTheDeadLetters() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["bad", "good"])
            let seen = Handled()
            try await withConsumer(of: cluster, .quick { $0.maxRedeliveries = 2 }) { consumer in
                try await consumer.runOrdered { messages in
                    seen.add(messages)
                    return messages[0].text == "bad" ? .suspendQueue : .success
                }
            } _: { _ in
                try await eventually("the queue is done with") { cluster.offset(of: Self.queue) == 2 }
            }
            #expect(seen.texts == ["bad", "bad", "bad", "good"])
            // The broker knows by these two numbers that it is a dead letter.
            let header = try #require(cluster.asked(.sendMessageV2).first).header(SendMessageHeaderV2.self).message
            #expect(header.topic == "%RETRY%c")
            #expect(header.reconsumeTimes == 2)
            #expect(header.maxReconsumeTimes == 2)
        }
    }

    @Test func aQueueThatAnotherMemberHasLockedIsNotTaken() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            for id in Int32(0)..<2 { cluster.fill("T", queue: id, with: ["\(id)"]) }
            let other = MessageQueue(topic: "T", brokerName: "a", queueId: 1)
            cluster.state.withLock { $0.locks[other] = "somebody else" }
            let seen = Handled()
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { messages in
                    seen.add(messages)
                    return .success
                }
            } _: { consumer in
                try await eventually("the first") { seen.texts == ["0"] }
                let round = cluster.asked(.lockBatchMq).count
                try await eventually("some tries") { cluster.asked(.lockBatchMq).count > round + 3 }
                #expect(consumer.assignment == [Self.queue])
                cluster.state.withLock { $0.locks[other] = nil }
                try await eventually("the second") { seen.texts == ["0", "1"] }
            }
        }
    }

    @Test func aQueueIsGivenBackWhenItsHandlerIsDone() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1"])
            let barrier = Barrier()
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { _ in
                    await barrier.pass()
                    return .success
                }
            } _: { consumer in
                try await eventually("it is being handled") { barrier.arrived == 1 }
                cluster.state.withLock { $0.members = ["somebody else"] }
                try await eventually("it is not this member's any more") { consumer.assignment.isEmpty }
                try await eventually("it was tried to give it back") { consumer.runningQueues[Self.queue]?.unlockTries ?? 0 > 0 }
                #expect(cluster.asked(.unlockBatchMq).isEmpty)
                barrier.open()
                try await eventually("it was given back") { cluster.state.withLock { $0.locks.isEmpty } }
                // What the handler decided when the queue was another's does not count.
                #expect(cluster.offset(of: Self.queue) == nil)
                #expect(consumer.runningQueues.isEmpty)
            }
        }
    }

    @Test func theOffsetIsReadAgainUnderTheLock() async throws {
        let reads = Atomic<Int>(0)
        try await withFakeCluster { _, command in
            // The member that had the queue before stores its offset late.
            guard command.requestCode == .queryConsumerOffset, reads.wrappingAdd(1, ordering: .relaxed).newValue == 2 else { return .usual }
            return .answer(.response(.success, header: OffsetResponseHeader(offset: 1)))
        } _: { cluster in
            cluster.fill("T", with: ["1", "2"])
            let seen = Handled()
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { messages in
                    seen.add(messages)
                    return .success
                }
            } _: { _ in
                try await eventually("the queue is done with") { cluster.offset(of: Self.queue) == 2 }
            }
            #expect(seen.texts == ["2"])
        }
    }

    @Test func broadcastingInOrderNeedsNoLocks() async throws {
        let folder = try TemporaryFolder()
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            let seen = Handled()
            try await withConsumer(of: cluster, .quick { $0.model = .broadcasting(offsetDirectory: folder.path) }) { consumer in
                try await consumer.runOrdered { messages in
                    seen.add(messages)
                    return .success
                }
            } _: { _ in
                try await eventually("all") { seen.texts.count == 3 }
            }
            #expect(seen.texts == ["1", "2", "3"])
            #expect(cluster.asked(.lockBatchMq).isEmpty)
        }
    }

    // MARK: As a sequence

    @Test func aMessageIsAcknowledgedWhenTheNextIsAskedFor() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                var texts: [String] = []
                for try await message in consumer.messages {
                    texts.append(message.text)
                    if texts.count == 3 { break }
                }
                #expect(texts == ["1", "2", "3"])
                await consumer.close(gracePeriod: .zero)
                // The loop was left at the third.
                #expect(cluster.offset(of: Self.queue) == 2)
            }
        }
    }

    @Test func aDeliveryMayGoToTheDeadLetters() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["1"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                let delivery = try #require(try await consumer.deliveries.first { _ in true })
                delivery.deadLetter()
                delivery.acknowledge()
                try await eventually("a dead letter") { cluster.texts(in: "%DLQ%c") == ["1"] && cluster.offset(of: Self.queue) == 1 }
                await consumer.close()
            }
        }
    }

    @Test func oneConsumerTakesMessagesInOneWay() async throws {
        try await withFakeCluster { cluster in
            try await withConsumer(of: cluster) { consumer in
                try await consumer.runOrdered { _ in .success }
            } _: { consumer in
                try await eventually("it runs") { consumer.isRunning }
                let second = await failure { () throws(ClientError) in try await consumer.run { _ in .success } }
                #expect(second?.code == .alreadyRunning)
                let third = await failure { () throws(ClientError) in for try await _ in consumer.deliveries {} }
                #expect(third?.code == .alreadyRunning)
            }
        }
    }

    // MARK: Pausing and looking

    @Test func aPausedConsumerPullsNothingUntilItIsResumed() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1"])
            let seen = Handled()
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { message in
                    seen.add(message)
                    return .success
                }
            } _: { consumer in
                try await eventually("the first") { seen.texts == ["1"] }
                consumer.pause()
                let assigned = try #require(consumer.state.withLock { $0.assigned[Self.queue] })
                // Only a loop that waits counts as not stuck that late.
                try await eventually("the loop waits") { !assigned.isStuck(now: .now + .seconds(10_000)) }
                let count = cluster.asked(.pullMessage).count
                cluster.fill("T", with: ["2"])
                await consumer.core.sendHeartbeats()
                #expect(cluster.asked(.pullMessage).count == count)
                #expect(seen.texts == ["1"])
                consumer.resume()
                try await eventually("the second") { seen.texts == ["1", "2"] }
                #expect(cluster.asked(.pullMessage).count > count)
            }
        }
    }

    @Test func theQueuesOfAConsumerAreReported() async throws {
        try await withFakeCluster { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            let barrier = Barrier()
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { message in
                    if message.text != "1" { await barrier.pass() }
                    return .success
                }
            } _: { consumer in
                try await eventually("two are in hand") { barrier.arrived == 2 && consumer.runningQueues[Self.queue]?.commitOffset == 1 }
                let report = try #require(consumer.runningQueues[Self.queue])
                #expect(report.offsets == 1...2)
                #expect(report.count == 2)
                #expect(report.byteCount == 2)
                #expect(!report.isLocked)
                #expect(!report.isDropped)
                #expect(report.lastPull > 0)
                #expect(report.lastHandOut > 0)
                barrier.open()
            }
        }
    }

    @Test(arguments: [("good", "CR_SUCCESS"), ("later", "CR_LATER"), ("bad", "CR_THROW_EXCEPTION")])
    func aMessageIsHandledOutOfTurnWithoutATrace(text: String, result: String) async throws {
        try await withFakeCluster { cluster in
            try await withConsumer(of: cluster) { consumer in
                try await consumer.run { message in
                    if message.text == "bad" { throw CancellationError() }
                    return message.text == "later" ? .retry : .success
                }
            } _: { consumer in
                try await eventually("it runs") { !consumer.assignment.isEmpty }
                let handling = try #require(await consumer.consumeDirectly(StoredMessage(topic: "T", body: Array(text.utf8))))
                #expect(handling.result == result)
                #expect(!handling.isOrdered)
                #expect((handling.remark != nil) == (text == "bad"))
            }
            #expect(cluster.asked(.consumerSendMsgBack).isEmpty)
            #expect(cluster.offset(of: Self.queue) ?? 0 == 0)
        }
    }

    // MARK: Interceptors

    private struct Recorder: ConsumeInterceptor {
        let name: String
        let log: Lines

        func consume(_ messages: [StoredMessage], next: @Sendable ([StoredMessage]) async throws -> Void) async throws {
            log.add("\(name) before \(messages.map(\.text).joined())")
            if messages[0].text == "skip" { return }
            if messages[0].text == "refuse", messages[0].reconsumeTimes == 0 { throw CancellationError() }
            try await next(messages)
            log.add("\(name) after")
        }
    }

    @Test func interceptorsStandAroundTheHandler() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["1"])
            let (seen, log) = (Handled(), Lines())
            let settings = ConsumerConfiguration.quick { $0.interceptors = [Recorder(name: "outer", log: log), Recorder(name: "inner", log: log)] }
            try await withConsumer(of: cluster, settings) { consumer in
                try await consumer.run { message in
                    log.add("handler")
                    seen.add(message)
                    return .success
                }
            } _: { _ in
                try await eventually("the first") { cluster.offset(of: Self.queue) == 1 }
                #expect(log.texts == ["outer before 1", "inner before 1", "handler", "inner after", "outer after"])
                cluster.fill("T", with: ["skip", "refuse"])
                try await eventually("the others") { cluster.offset(of: Self.queue) == 3 && seen.texts.count >= 2 }
                #expect(seen.texts == ["1", "refuse"])
                #expect(seen.reconsumeTimes == [0, 1])
            }
        }
    }
}
