import RMQCommon
import RMQRemoting
@testable import RMQStore
import RMQTestSupport
import Testing

@testable import RMQBroker

/// Transactions as producers and consumers see them.
@Suite(.takesTurns) struct TransactionTests {
    @Test(arguments: FlushPolicy.allCases) func aCommittedMessageIsDelivered(flush: FlushPolicy) async throws {
        try await withPeer({ $0.store.flush = flush }) { peer in
            _ = try await peer.createTopic("T", queues: 4)
            let answer = try await peer.send(
                "T", "x", properties: "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}p\u{2}TAGS\u{1}a\u{2}WAIT\u{1}true\u{2}", queue: 3,
                changing: ["f": "4", "g": "77", "h": "5", "j": "2"])
            #expect(answer.fields?["queueId"] == "3", "the queue that the message is meant for")
            let half = try SentHalf(answer)
            #expect(half.queueOffset == 0)
            #expect(try await peer.texts("T", queue: 3) == [])
            let waiting = try #require(try await peer.pull(Peer.half, from: 0).messages.first)
            #expect(waiting.systemFlag.transactionKind == .none && waiting.queueId == 0)
            #expect(waiting.properties == [
                "TRAN_MSG": "true", "PGROUP": "p", "TAGS": "a", "WAIT": "true", "CLUSTER": "DefaultCluster", "REAL_TOPIC": "T", "REAL_QID": "3",
            ])
            let ended = try await peer.end(half, .commit)
            #expect(ended.code == 0 && ended.remark == nil)
            let message = try #require(try await peer.pull("T", from: 0, tags: "a", changing: ["queueId": "3"]).messages.first)
            #expect(message.systemFlag.transactionKind == .commit)
            #expect(message.preparedTransactionOffset == half.physicalOffset)
            #expect(message.text == "x" && message.flag == 5 && message.reconsumeTimes == 2 && message.bornTimestamp == 77)
            #expect(message.bornHost == waiting.bornHost && message.properties == waiting.properties)
            let op = try #require(try await peer.pull(Peer.ops, from: 0).messages.first)
            #expect(op.text == "0" && op.queueId == 0)
            #expect(op.properties == ["TAGS": "d", "WAIT": "true"])
        }
    }

    @Test func aMessageThatIsRolledBackIsNot() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            let halves = [try await peer.sendHalf("T", "a"), try await peer.sendHalf("T", "b")]
            #expect(try await peer.end(halves[1], .rollback).code == 0)
            #expect(try await peer.end(halves[0], .commit).code == 0)
            #expect(try await peer.texts("T") == ["a"])
            #expect(try await peer.texts(Peer.ops) == ["1", "0"])
            #expect(try await peer.topics[ByteText(Peer.ops)]?.writeQueueCount == 1)
        }
    }

    @Test func aProducerThatLeavesTheQueueToTheBrokerIsToldIt() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T", queues: 4)
            let answer = try await peer.send("T", "x", properties: "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}p", queue: -1)
            let queue = try #require(answer.fields?["queueId"].flatMap { Int($0) })
            #expect(try await peer.end(SentHalf(answer), .commit).code == 0)
            #expect(try await peer.texts("T", queue: queue) == ["x"])
        }
    }

    /// A topic's own checks come first, and what is refused leaves nothing.
    @Test func whatAnySendIsRefusedForIsRefused() async throws {
        try await withPeer({ $0.autoCreateTopic = false }) { peer in
            let properties = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}p"
            #expect(try await peer.send("Unknown", "x", properties: properties).responseCode == .topicNotExist)
            _ = try await peer.createTopic("T")
            #expect(try await peer.send("T", "x", properties: properties, queue: 1).responseCode == .systemError)
            for topic in [Peer.half, Peer.ops, Peer.exceeded] {
                #expect(try await peer.send(topic, "x", properties: properties).responseCode == .noPermission)
            }
            #expect(try await peer.send("T", "x", changing: ["f": "4"]).responseCode == .noPermission, "flagged, and without the property")
            #expect(try await peer.texts(Peer.half) == [])
        }
    }

    @Test func transactionsMayBeRefused() async throws {
        try await withPeer({ $0.rejectsTransactions = true }) { peer in
            _ = try await peer.createTopic("T")
            let refused = try await peer.send("T", "x", properties: "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}p")
            #expect(refused.responseCode == .noPermission)
            #expect(refused.remark?.contains("sending transaction message is forbidden") == true)
            #expect(try await peer.ask(.updateBrokerConfig, text: "rejectTransactionMessage=false").code == 0)
            _ = try await peer.sendHalf("T", "x")
        }
    }

    /// What a half message must be for a request to end it.
    @Test(arguments: [
        (["producerGroup": "other"], "producer group wrong"), (["tranStateTableOffset": "1"], "state table offset wrong"),
        (["commitLogOffset": "1"], "Find prepared transaction message failed"), (["commitLogOffset": "-1"], "Find prepared transaction message failed"),
        (["commitLogOffset": "9223372036854775807"], "Find prepared transaction message failed"), (["commitOrRollback": "4"], "commitOrRollback"),
    ])
    func anEndThatFitsNoHalfMessageIsRefused(fields: [String: String], remark: String) async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            let half = try await peer.sendHalf("T", "x")
            for decision in [TransactionDecision.commit, .rollback] {
                let refused = try await peer.end(half, decision, changing: fields)
                #expect(refused.responseCode == .systemError)
                #expect(refused.remark?.contains(remark) == true, "\(refused.remark ?? "")")
            }
            #expect(try await [peer.texts("T"), peer.texts(Peer.ops)] == [[], []])
            #expect(try await peer.end(half, .commit).code == 0, "the transaction can still be ended")
            #expect(try await peer.texts("T") == ["x"])
        }
    }

    @Test func onlyHalfMessagesAreEnded() async throws {
        try await withPeer { peer in
            let sent = try SentHalf(await peer.send("T", "plain", properties: "PGROUP\u{1}p\u{2}REAL_TOPIC\u{1}T\u{2}REAL_QID\u{1}0"))
            let refused = try await peer.end(sent, .commit)
            #expect(refused.responseCode == .systemError)
            #expect(refused.remark?.contains("no half message") == true)
            #expect(try await peer.texts("T") == ["plain"])
        }
    }

    /// The reference delivers a message once for each commit.
    @Test(arguments: [TransactionDecision.commit, .rollback], [TransactionDecision.commit, .rollback])
    func aTransactionEndsOnce(first: TransactionDecision, second: TransactionDecision) async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks) { peer in
            _ = try await peer.createTopic("T")
            let half = try await peer.sendHalf("T", "x")
            let delivered = first == .commit ? ["x"] : []
            #expect(try await peer.end(half, first).code == 0)
            for _ in 0..<2 {
                #expect(try await peer.end(half, second).code == 0)
                #expect(try await peer.texts("T") == delivered)
                try peer.restart()
            }
            clock.advance(.seconds(10))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 1))
            try peer.restart()
            #expect(try await peer.end(half, second).code == 0)
            #expect(try await [peer.texts("T"), peer.texts(Peer.ops)] == [delivered, ["0"]])
        }
    }

    @Test func aTransactionThatManyEndAtOnceEndsOnce() async throws {
        try await withPeer({ $0.eventLoops = 2; $0.store.flush = .synchronous }) { peer in
            _ = try await peer.createTopic("T")
            let half = try await peer.sendHalf("T", "x")
            let clients = (0..<4).map { _ in peer.anotherClient() }
            let codes = try await withThrowingTaskGroup(of: ResponseCode.self) { group in
                for number in 0..<40 {
                    group.addTask { try await peer.ask(.endTransaction, Peer.endFields(half, .commit), from: clients[number % 4]).responseCode }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.allSatisfy { [.success, .systemBusy].contains($0) } && codes.contains(.success))
            #expect(try await peer.texts("T") == ["x"])
        }
    }

    @Test func aDelayBeginsWithTheCommit() async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks) { peer in
            _ = try await peer.createTopic("T")
            let half = try await peer.sendHalf("T", "x", properties: "DELAY\u{1}2")
            clock.advance(.seconds(30))
            #expect(try await [peer.texts("T"), peer.texts(Peer.half)] == [[], ["x"]])
            #expect(try await peer.end(half, .commit).code == 0)
            #expect(try await peer.texts("T") == [])
            let waiting = try #require(try await peer.pull("SCHEDULE_TOPIC_XXXX", from: 0, changing: ["queueId": "1"]).messages.first)
            #expect(waiting.properties["REAL_TOPIC"] == "T" && waiting.properties["REAL_QID"] == "0")
            try peer.restart()
            clock.advance(.seconds(6))
            try await eventually("it is delivered") { try await peer.texts("T") == ["x"] }
            #expect(try await peer.end(half, .commit).code == 0)
            clock.advance(.seconds(6))
            #expect(try await peer.pull("SCHEDULE_TOPIC_XXXX", from: 1, changing: ["queueId": "1"]).responseCode == .pullNotFound)
        }
    }

    /// A message that is longer than what a loop stages at once, and so is written apart from its op record.
    @Test func aLongMessageIsCommitted() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            let body = [UInt8](repeating: 7, count: 3 << 20)
            let fields = Peer.sendFields("T", properties: "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}p")
            let half = try SentHalf(await peer.ask(.sendMessageV2, fields, body: body))
            #expect(try await peer.end(half, .commit).code == 0)
            #expect(try await peer.pull("T", from: 0).messages.map(\.body) == [body])
            #expect(try await peer.texts(Peer.ops) == ["0"])
        }
    }

    /// What a message kept of an earlier transaction, or was given by a producer who knows the names, stands for no other transaction.
    @Test func aMessageCannotPassForACopyOfAnother() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            let first = try await peer.sendHalf("T", "first")
            let second = try await peer.sendHalf("T", "second", properties: "TRAN_PREPARED_QUEUE_OFFSET\u{1}0\u{2}TRANSACTION_CHECK_TIMES\u{1}99\u{2}k\u{1}v")
            let stored = try #require(try await peer.pull(Peer.half, from: 1).messages.first)
            #expect(stored.properties["TRAN_PREPARED_QUEUE_OFFSET"] == nil && stored.properties["TRANSACTION_CHECK_TIMES"] == nil)
            #expect(stored.properties["k"] == "v" && stored.properties["REAL_TOPIC"] == "T" && stored.properties["CLUSTER"] == "DefaultCluster")
            #expect(try await peer.end(second, .rollback).code == 0)
            #expect(try await peer.end(first, .commit).code == 0)
            #expect(try await peer.texts("T") == ["first"])
        }
    }

    @Test func aTopicThatIsGoneKeepsItsTransactionsOpen() async throws {
        try await withPeer({ $0.autoCreateTopic = false }) { peer in
            _ = try await peer.createTopic("T")
            let half = try await peer.sendHalf("T", "x")
            #expect(try await peer.ask(.deleteTopicInBroker, ["topic": "T"]).code == 0)
            #expect(try await peer.end(half, .commit).responseCode == .topicNotExist)
            _ = try await peer.createTopic("T")
            #expect(try await peer.end(half, .commit).code == 0)
            #expect(try await peer.texts("T") == ["x"])
        }
    }

    @Test func aSlaveEndsNoTransaction() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            let half = try await peer.sendHalf("T", "x")
            try peer.broker.state.store.becomeReplica()
            #expect(try await peer.end(half, .commit).responseCode == .slaveNotAvailable)
            #expect(await peer.check() == nil)
            try peer.broker.state.store.becomeMaster()
            #expect(try await peer.end(half, .commit).code == 0)
            #expect(try await peer.end(half, .commit).code == 0)
            #expect(try await peer.texts("T") == ["x"])
        }
    }

    /// What is not in memory is read by a worker, and others are served meanwhile.
    @Test func anOldHalfMessageIsEndedByAWorker() async throws {
        try await withPeer({ $0.store.recentBytes = -1; $0.eventLoops = 1 }) { peer in
            _ = try await peer.createTopic("T")
            let half = try await peer.sendHalf("T", "x")
            let gate = Latch()
            for _ in 0..<Workers.threadLimit { try #require(peer.broker.state.workers.readers.run { gate.wait(for: .generous); gate.open() }) }
            async let ended = peer.end(half, .commit)
            try await eventually("it waits for a reader") { peer.broker.state.workers.readers.waitingCount == 1 }
            #expect(try await peer.send("T2", "y").code == 0)
            gate.open()
            #expect(try await ended.code == 0)
            #expect(try await peer.end(half, .commit).code == 0)
            #expect(try await peer.texts("T") == ["x"])
        }
    }
}
