@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

@Suite(.takesTurns) struct TransactionTests {
    private struct Trouble: Error, CustomStringConvertible { let description = "the database is down" }

    private static let topics: [String: Int32] = ["T": 1, "TBW102": 1]

    private func end(_ cluster: FakeCluster) throws -> (EndTransactionHeader, RemotingCommand) {
        let command = try #require(cluster.asked(.endTransaction).first)
        return (try command.header(), command)
    }

    // MARK: Sending

    @Test(arguments: [TransactionDecision.commit, .rollback, .unknown])
    func theBrokerIsToldWhatTheLocalTransactionSaid(decision: TransactionDecision) async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                var message = Message(topic: "T", text: "x", tags: "a", keys: ["k"])
                message.delayLevel = 3
                let seen = Mutex<[String]>([])
                let result = try await producer.send(message) { id in
                    seen.withLock { $0.append(id) }
                    return decision
                }
                #expect(result.decision == decision)
                #expect(result.localError == nil)
                #expect(result.send.status == .stored)
                #expect(seen.withLock { $0 } == [result.send.messageId])

                let half = try #require(cluster.asked(.sendMessageV2).first).header(SendMessageHeaderV2.self).message
                let properties = MessageProperties(decoding: Array((half.properties ?? "").utf8))
                #expect(half.producerGroup == "tx")
                #expect(SystemFlag(rawValue: half.systemFlag).transactionKind == .prepared)
                #expect(properties["TRAN_MSG"] == "true")
                #expect(properties["PGROUP"] == "tx")
                #expect(properties["TAGS"] == "a")
                #expect(properties["KEYS"] == "k")
                #expect(properties["DELAY"] == nil, "delayed messages cannot be part of a transaction")

                try await eventually("the end is told") { !cluster.asked(.endTransaction).isEmpty }
                let (header, command) = try end(cluster)
                #expect(command.isOneway)
                #expect(command.remark == nil)
                #expect(header.producerGroup == "tx")
                #expect(header.decision == decision)
                #expect(header.halfQueueOffset == result.send.queueOffset)
                #expect(header.halfPhysicalOffset == OffsetMessageId(result.send.offsetMessageId)?.physicalOffset)
                #expect(header.messageId == result.send.messageId)
                #expect(header.brokerName == "a")
                #expect(!header.answersCheck)
                #expect(header.transactionId == nil)
            }
        }
    }

    @Test func anErrorOfTheLocalTransactionLeavesItUnknownAndIsKept() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                let result = try await producer.send(Message(topic: "T", text: "x")) { _ in throw Trouble() }
                #expect(result.decision == .unknown)
                #expect(result.localError is Trouble)
                try await eventually("the end is told") { !cluster.asked(.endTransaction).isEmpty }
                let (header, command) = try end(cluster)
                #expect(header.decision == .unknown)
                #expect(command.remark?.contains("the database is down") == true)
            }
        }
    }

    @Test(arguments: [ResponseCode.flushDiskTimeout, .flushSlaveTimeout, .slaveNotAvailable])
    func aHalfMessageThatIsNotSafeIsRolledBackWithoutTheLocalTransaction(code: ResponseCode) async throws {
        let answer = SendMessageResponseHeader { $0.messageId = OffsetMessageId(storeHost: .unspecified, physicalOffset: 77).text }
        try await withFakeCluster(topics: Self.topics) { _, command in
            command.requestCode == .sendMessageV2 ? .answer(.response(code, header: answer)) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                let result = try await producer.send(Message(topic: "T", text: "x")) { _ in
                    Issue.record("the local transaction must not run")
                    return .commit
                }
                #expect(result.decision == .rollback)
                #expect(result.send.status != .stored)
                try await eventually("the end is told") { !cluster.asked(.endTransaction).isEmpty }
                let (header, _) = try end(cluster)
                #expect(header.decision == .rollback)
                #expect(header.halfPhysicalOffset == 77)
            }
        }
    }

    @Test func aHalfMessageThatIsRefusedEndsNothing() async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in
            command.requestCode == .sendMessageV2 ? .answer(.response(.messageIllegal, remark: "no")) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                let error = await failure { () throws(ClientError) in
                    try await producer.send(Message(topic: "T", text: "x")) { _ in
                        Issue.record("the local transaction must not run")
                        return .commit
                    }
                }
                #expect(error?.responseCode == .messageIllegal)
            }
            #expect(cluster.asked(.endTransaction).isEmpty)
        }
    }

    @Test func theRulesForMessagesHoldForHalfMessagesToo() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                let error = await failure { () throws(ClientError) in
                    try await producer.send(Message(topic: "T", text: "x", properties: ["PGROUP": "other"])) { _ in .commit }
                }
                #expect(error?.code == .reservedProperty)
                #expect(cluster.asked(.sendMessageV2).isEmpty)
            }
        }
    }

    @Test func cancellingTheTaskDoesNotKeepTheBrokerFromBeingTold() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                let door = Door()
                let sending = Task {
                    try await producer.send(Message(topic: "T", text: "x")) { _ in
                        await door.pass()
                        return .commit
                    }
                }
                try await eventually("the local transaction runs") { door.waitingCount == 1 }
                sending.cancel()
                door.open()
                #expect(try await sending.value.decision == .commit)
                try await eventually("the end is told") { !cluster.asked(.endTransaction).isEmpty }
                #expect(try end(cluster).0.decision == .commit)
            }
        }
    }

    // MARK: Questions

    /// A question of a broker about a half message of `group`.
    private func question(group: String, body: String = "x", bname: String? = nil) throws -> RemotingCommand {
        let half = StoredMessage(
            topic: "T", body: try Zlib.compress(Array(body.utf8), level: 5),
            properties: [PropertyName.uniqueKey: "ID-1", PropertyName.producerGroup: group, PropertyName.transactionPrepared: "true"],
            queueOffset: 5, physicalOffset: 500, systemFlag: .zlibBody)
        let header = CheckTransactionHeader {
            $0.halfQueueOffset = 5
            $0.halfPhysicalOffset = 500
            $0.messageId = "ID-1"
            $0.transactionId = "ID-1"
            $0.offsetMessageId = half.offsetMessageId
            $0.brokerName = bname
        }
        return RemotingCommand(.checkTransactionState, header: header, body: MessageRecord.encode(half))
    }

    @Test(arguments: [TransactionDecision.commit, .rollback, .unknown], [nil, "a"] as [String?])
    func aCheckIsAnsweredToTheBrokerThatAsked(decision: TransactionDecision, bname: String?) async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let seen = Mutex<[StoredMessage]>([])
                _ = try await client.makeTransactionProducer(group: "tx") { message in
                    seen.withLock { $0.append(message) }
                    return decision
                }
                // The broker knows the producer at once: it may be asked about messages of other members.
                let heartbeat = try HeartbeatData(body: try #require(cluster.asked(.heartBeat).first).body)
                #expect(heartbeat.producers.contains { $0.group == "tx" })
                try cluster.tell(question(group: "tx", body: "größe", bname: bname), to: client.clientId)
                try await eventually("the answer") { !cluster.asked(.endTransaction, of: "a").isEmpty }
                let (header, command) = try end(cluster)
                #expect(command.isOneway)
                #expect(command.remark == nil)
                #expect(header.answersCheck)
                #expect(header.decision == decision)
                #expect(header.producerGroup == "tx")
                #expect(header.halfQueueOffset == 5)
                #expect(header.halfPhysicalOffset == 500)
                #expect(header.messageId == "ID-1")
                #expect(header.transactionId == "ID-1")
                #expect(header.brokerName == bname)
                #expect(seen.withLock { $0.map(\.text) } == ["größe"])
                #expect(seen.withLock { $0.map(\.messageId) } == ["ID-1"])
            }
        }
    }

    @Test func aCheckThatThrowsIsAnsweredUnknown() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                _ = try await client.makeTransactionProducer(group: "tx") { _ in throw Trouble() }
                try cluster.tell(question(group: "tx"), to: client.clientId)
                try await eventually("the answer") { !cluster.asked(.endTransaction).isEmpty }
                let (header, command) = try end(cluster)
                #expect(header.decision == .unknown)
                #expect(command.remark?.contains("the database is down") == true)
            }
        }
    }

    @Test func checksOfAGroupThatIsNotHereAndUnreadableOnesAreDropped() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let asked = Mutex(0)
                _ = try await client.makeTransactionProducer(group: "tx") { _ in
                    asked.withLock { $0 += 1 }
                    return .commit
                }
                try cluster.tell(question(group: "other"), to: client.clientId)
                var torn = try question(group: "tx")
                torn.body = Array(torn.body.dropLast(9))
                try cluster.tell(torn, to: client.clientId)
                try cluster.tell(question(group: "tx"), to: client.clientId)
                try await eventually("the good one is answered") { !cluster.asked(.endTransaction).isEmpty }
                #expect(asked.withLock { $0 } == 1)
            }
            #expect(cluster.asked(.endTransaction).count == 1)
        }
    }

    @Test func closingWaitsForTheChecksInHand() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let door = Door()
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in
                    await door.pass()
                    return .commit
                }
                try cluster.tell(question(group: "tx"), to: client.clientId)
                try await eventually("the check runs") { door.waitingCount == 1 }
                let closing = Task { await producer.close(gracePeriod: .generous) }
                try await eventually("the group has left") { !cluster.asked(.unregisterClient).isEmpty }
                #expect(cluster.asked(.endTransaction).isEmpty)
                door.open()
                await closing.value
                try await eventually("the check is answered") { !cluster.asked(.endTransaction).isEmpty }
                // The name is free again.
                _ = try await client.makeTransactionProducer(group: "tx") { _ in .commit }
            }
        }
    }

    @Test func aCheckThatHangsIsCancelledWhenTheGracePeriodIsOver() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let (hasBegun, isCancelled) = (Door(), Door())
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in
                    hasBegun.open()
                    do {
                        try await Task.sleep(for: .generous + .generous)   // not a wait of the test
                    } catch {
                        isCancelled.open()
                    }
                    return .commit
                }
                try cluster.tell(question(group: "tx"), to: client.clientId)
                await hasBegun.pass()
                await producer.close(gracePeriod: .milliseconds(10))
                await isCancelled.pass()
            }
            #expect(cluster.asked(.endTransaction).isEmpty)
        }
    }

    @Test func moreChecksThanMayWaitAreDroppedAndToldOf() async throws {
        let door = Door()
        let log = MemoryLog()
        let checks = TransactionChecks(group: "tx", logger: Logger(category: "test", sink: log)) { _ in
            await door.pass()
            return .unknown
        }
        let core = ClientCore(RocketMQClient.Configuration(nameServers: ["127.0.0.1:1"]), transport: SilentTransport())
        let request = ServerRequests.Request(command: try question(group: "tx"), server: "127.0.0.1:1")
        let question = try CheckQuestion(request)
        for _ in 0..<TransactionChecks.mostRunning { checks.add(question, core) }
        try await eventually("the first ones run") { door.waitingCount == TransactionChecks.mostRunning }
        for _ in 0..<TransactionChecks.mostWaiting { checks.add(question, core) }
        #expect(log.texts.isEmpty)
        checks.add(question, core)
        #expect(log.texts.count == 1)
        #expect(log.texts.first?.contains("2000 checks of group tx wait already") == true)
        door.open()
        await checks.close(gracePeriod: .generous)
    }

    // MARK: The reference's bytes

    /// What the reference was recorded to ask and to answer.
    @Test func recordedQuestionsAreReadAndAnswersHaveTheRecordedFields() async throws {
        let recorded = try RecordedFrames.commands(of: .checkTransactionState)
        #expect(recorded.count == 2)
        for command in recorded {
            let question = try CheckQuestion(ServerRequests.Request(command: command, server: "127.0.0.1:1"))
            #expect(question.group == "golden_tx_producer")
            #expect(question.message.topic == "GoldenTx")
            #expect(question.message.messageId == question.header.messageId)
            #expect(question.message.physicalOffset == question.header.halfPhysicalOffset)
        }
        let transport = RecordingTransport()
        let core = ClientCore(RocketMQClient.Configuration(nameServers: ["127.0.0.1:1"]), transport: transport)
        let question = try CheckQuestion(ServerRequests.Request(command: try #require(recorded.first), server: "127.0.0.1:20911"))
        await question.answer(.commit, nil, group: "golden_tx_producer", core)
        let ours = try #require(transport.sent.first)
        let theirs = try #require(
            try RecordedFrames.commands(of: .endTransaction).first { $0.fields?["fromTransactionCheck"] == "true" })
        #expect(Set(ours.command.fields?.map(\.name) ?? []) == Set(theirs.fields?.map(\.name) ?? []))
        #expect(try ours.command.header(EndTransactionHeader.self) == theirs.header(EndTransactionHeader.self))
        #expect(ours.address == "127.0.0.1:20911")
    }
}
