import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQBroker

/// What a broker asks producers who do not say what becomes of their transactions, by a clock that is turned by hand.
@Suite(.takesTurns) struct TransactionCheckTests {
    private func withTransactions(
        _ change: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (Peer, HandClock) async throws -> Void
    ) async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks, {
            $0.listener.idleTimeout = .seconds(1_000_000)
            $0.clientScanInterval = .seconds(1_000_000)
            // The test does that.
            $0.transactionCheckMilliseconds = 1_000_000_000
            change(&$0)
        }) { peer in
            _ = try await peer.createTopic("T", queues: 2)
            try await peer.produce(as: "c")
            try await body(peer, clock)
        }
    }

    @Test func aProducerThatDoesNotKnowYetIsAskedLater() async throws {
        try await withTransactions { peer, clock in
            let half = try await peer.sendHalf("T", "x", properties: "KEYS\u{1}k", queue: 1, changing: ["h": "5", "j": "2"])
            var unknown = RemotingCommand(code: RequestCode.endTransaction.rawValue)
            unknown.fields = HeaderFields()
            for (name, value) in Peer.endFields(half, .unknown) { unknown.fields?[name] = value }
            try await peer.client.sendOneway(unknown, to: peer.address)
            clock.advance(.milliseconds(5_999))
            #expect(await peer.check() == TransactionCheck.Outcome())
            clock.advance(.milliseconds(1))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 1, asked: 1))
            let copy = try await peer.question(0)
            let question = peer.questions[0]
            #expect(question.isOneway && copy.queueOffset == 1)
            let header = try question.header(CheckTransactionHeader.self)
            #expect(header.messageId == "id-x" && header.transactionId == "id-x")
            let id = OffsetMessageId(storeHost: peer.broker.state.storeHost, physicalOffset: copy.physicalOffset)
            #expect(header.offsetMessageId.flatMap { OffsetMessageId($0) } == id)
            let asked = try #require(try question.messages.first)
            #expect(asked.topic == "T" && asked.queueId == 1 && asked.text == "x" && asked.keys == ["k"])
            #expect(asked.queueOffset == 1 && asked.physicalOffset == copy.physicalOffset)
            let stored = try #require(try await peer.pull(Peer.half, from: 1).messages.first)
            #expect(stored.physicalOffset == copy.physicalOffset && stored.flag == 5 && stored.reconsumeTimes == 2)
            #expect(stored.properties["TRANSACTION_CHECK_TIMES"] == "1" && stored.properties["TRAN_PREPARED_QUEUE_OFFSET"] == "0")

            #expect(try await peer.end(copy, .commit, changing: ["fromTransactionCheck": "true"]).code == 0)
            #expect(try await peer.texts("T", queue: 1) == ["x"])
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 2))
            // Neither by the first half message nor by its copy can it be ended once more.
            for end in [half, copy] { #expect(try await peer.end(end, .commit).code == 0) }
            #expect(try await peer.texts("T", queue: 1) == ["x"])
            #expect(peer.questions.count == 1)
        }
    }

    /// The reference asks again, and delivers again, when a producer answers after it was asked once more.
    @Test(arguments: [false, true]) func aLateAnswerCountsAsTheFirst(restarting: Bool) async throws {
        try await withTransactions { peer, clock in
            func restart() async throws {
                guard restarting else { return }
                try peer.restart()
                try await peer.produce(as: "c")
            }
            let first = try await peer.sendHalf("T", "x")
            var halves = [first]
            for round in 0..<3 {
                clock.advance(.seconds(60))
                #expect(await peer.check()?.asked == 1)
                halves.append(try await peer.question(round))
                try await restart()
            }
            #expect(halves.map(\.queueOffset) == [0, 1, 2, 3])
            for number in [1, 0, 3, 2] {
                #expect(try await peer.end(halves[number], .commit).code == 0)
                try await restart()
            }
            #expect(try await peer.texts("T") == ["x"])
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 4, op: 2))
            #expect(try await peer.texts(Peer.ops) == ["1", "0"])
        }
    }

    /// A broker that dies before it writes down how far it is begins where it was.
    @Test func aCheckThatBeginsAgainAsksAboutNothingThatHasEnded() async throws {
        try await withTransactions { peer, clock in
            for text in ["a", "b", "c"] { _ = try await peer.sendHalf("T", text) }
            clock.advance(.seconds(60))
            #expect(await peer.check()?.asked == 3)
            #expect(try await peer.end(peer.question(0, of: 3), .commit).code == 0)
            #expect(try await peer.end(peer.question(1, of: 3), .rollback).code == 0)
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 6, asked: 1))
            for topic in [Peer.half, Peer.ops] { peer.broker.state.offsets.progress(group: SystemGroup.transaction, topic: topic)?.commit(0, queueId: 0) }
            try peer.restart()
            try await peer.produce(as: "c")
            clock.advance(.seconds(60))
            // The third one, by each of its records.
            #expect(await peer.check() == TransactionCheck.Outcome(half: 7, asked: 3))
            let last = try await peer.question(6)
            #expect(try await peer.end(last, .commit).code == 0)
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 10, op: 4))
            #expect(try await peer.texts("T") == ["a", "c"])
        }
    }

    @Test func anotherProducerIsAskedWhenTheFirstIsGone() async throws {
        try await withTransactions { peer, clock in
            let producers = peer.broker.state.clients.producers
            let other = peer.anotherClient()
            let asked = Mutex(0)
            other.setRequestHandler { _, _ in
                asked.withLock { $0 += 1 }
                return nil
            }
            try await peer.produce(as: "d", from: other)
            for number in 0..<4 { _ = try await peer.sendHalf("T", "\(number)") }
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 4, asked: 4))
            try await eventually("each is asked in turn") { peer.questions.count == 2 && asked.withLock { $0 } == 2 }
            // It is gone, and the broker has not heard of that.
            let gone = try #require(producers.channels(of: "p")?.first { $0.clientId == "d" })
            other.close()
            try await eventually("the broker lost it") { producers.channels(of: "p")?.count == 1 }
            producers.register(gone, group: "p", limit: 1)
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 8, asked: 4))
            try await eventually("the other one is asked about all") { peer.questions.count == 6 }
        }
    }

    @Test func aTransactionOfNoProducerWaitsAndIsGivenUp() async throws {
        try await withTransactions({ $0.transactionCheckMax = 2 }) { peer, clock in
            _ = try await peer.sendHalf("T", "x", properties: "k\u{1}v", group: "nobody", changing: ["h": "5"])
            for round in 1...2 {
                clock.advance(.seconds(60))
                #expect(await peer.check() == TransactionCheck.Outcome(half: Int64(round), asked: 1, unheard: 1))
            }
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 3, givenUp: 1))
            let kept = try #require(try await peer.pull(Peer.exceeded, from: 0).messages.first)
            #expect(kept.text == "x" && kept.flag == 5)
            #expect(kept.properties["TRANSACTION_CHECK_TIMES"] == "2" && kept.properties["REAL_TOPIC"] == "T" && kept.properties["k"] == "v")
            #expect(try await peer.topics[ByteText(Peer.exceeded)]?.writeQueueCount == 1)

            // Until an administrator has it asked about again.
            try await peer.produce(as: "late", group: "nobody")
            #expect(try await peer.ask(.resumeCheckHalfMessage, ["msgId": kept.offsetMessageId]).code == 0)
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 4, asked: 1))
            let copy = try await peer.question(0)
            #expect(try peer.questions[0].messages.first?.properties["TRANSACTION_CHECK_TIMES"] == "1")
            #expect(try await peer.end(copy, .commit, group: "nobody").code == 0)
            #expect(try await peer.texts("T") == ["x"])
        }
    }

    @Test func whatCannotBeAskedAboutAgainIsTold() async throws {
        try await withTransactions { peer, _ in
            let half = try await peer.sendHalf("T", "x")
            let plain = try SentHalf(await peer.send("T", "plain"))
            func resume(_ half: SentHalf) async throws -> RemotingCommand {
                try await peer.ask(.resumeCheckHalfMessage, ["msgId": OffsetMessageId(storeHost: .unspecified, physicalOffset: half.physicalOffset).text])
            }
            #expect(try await resume(plain).remark?.contains("waits for no end of a transaction") == true)
            #expect(try await resume(half).code == 0)
            #expect(try await peer.texts(Peer.half) == ["x", "x"])
            #expect(try await peer.end(half, .commit).code == 0)
            #expect(try await resume(half).remark?.contains("has ended") == true)
            for id in ["", "abc", OffsetMessageId(storeHost: .unspecified, physicalOffset: 1).text] {
                #expect(try await peer.ask(.resumeCheckHalfMessage, ["msgId": id]).responseCode == .systemError)
            }
            #expect(try await peer.texts(Peer.half) == ["x", "x"])
        }
    }

    /// As long as the message says, and however often the broker looks: the reference counts each look as a question.
    @Test func aMessageMayBeImmune() async throws {
        try await withTransactions({ $0.transactionCheckMax = 2 }) { peer, clock in
            let born = "\(clock.wallMilliseconds)"
            for text in ["a", "b"] {
                _ = try await peer.sendHalf("T", text, properties: "CHECK_IMMUNITY_TIME_IN_SECONDS\u{1}300", changing: ["g": born])
            }
            _ = try await peer.sendHalf("T", "c", changing: ["g": born])
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 3, asked: 1, postponed: 2))
            #expect(try await peer.end(peer.question(0), .commit).code == 0)
            for round in 1...3 {
                clock.advance(.seconds(60))
                let outcome = await peer.check()
                #expect(outcome?.postponed == 2 && outcome?.asked == 0, "round \(round)")
            }
            let copies = try await peer.pull(Peer.half, from: 0).messages
            #expect(copies.allSatisfy { $0.text == "c" || $0.properties["TRANSACTION_CHECK_TIMES"] == nil })
            #expect(copies.suffix(2).map { $0.properties["TRAN_PREPARED_QUEUE_OFFSET"] } == ["0", "1"])
            // The producer ends what it sent; it knows of no copy.
            let first = try SentHalf(RemotingCommand(code: 0, fields: [
                "queueOffset": "0", "msgId": OffsetMessageId(storeHost: .unspecified, physicalOffset: copies[0].physicalOffset).text,
            ]))
            #expect(try await peer.end(first, .commit).code == 0)
            clock.advance(.seconds(60))
            let outcome = await peer.check()
            #expect(outcome?.asked == 1 && outcome?.postponed == 0)
            _ = try await peer.question(1)
            #expect(try peer.questions.last?.messages.first?.text == "b")
            #expect(try await peer.texts("T") == ["c", "a"])
        }
    }

    @Test func manyAreCheckedInTheirOrder() async throws {
        try await withTransactions({ $0.transactionTimeoutMilliseconds = 1_000 }) { peer, clock in
            var halves: [SentHalf] = []
            for number in 0..<150 { halves.append(try await peer.sendHalf("T", "\(number)")) }
            for (number, half) in halves.enumerated() where number % 3 == 0 {
                #expect(try await peer.end(half, number % 2 == 0 ? .commit : .rollback).code == 0)
            }
            clock.advance(.milliseconds(1_000))
            let young = try await peer.sendHalf("T", "young")
            #expect(try await peer.end(peer.sendHalf("T", "ended"), .rollback).code == 0)
            #expect(await peer.check() == TransactionCheck.Outcome(half: young.queueOffset, asked: 100))
            try await eventually("all questions have come") { peer.questions.count == 100 }
            #expect(try peer.questions.map { try $0.messages[0].text } == (0..<150).filter { $0 % 3 != 0 }.map(String.init))
            clock.advance(.milliseconds(1_000))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 252, op: 50, asked: 101))
        }
    }

    /// With the properties of a copy it would be too long for a record. Others are asked about all the same.
    @Test func whatCannotBeStoredOnceMoreHoldsUpNoOther() async throws {
        try await withTransactions { peer, clock in
            let own = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}p\u{2}k\u{1}"
            let added = "\u{2}CLUSTER\u{1}DefaultCluster\u{2}REAL_TOPIC\u{1}T\u{2}REAL_QID\u{1}0"
            let value = String(repeating: "v", count: MessageProperties.byteLimit - own.utf8.count - added.utf8.count - 10)
            let long = try SentHalf(await peer.send("T", "long", properties: own + value))
            _ = try await peer.sendHalf("T", "x", changing: ["g": "\(Int64.min)"])
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 2, asked: 1, givenUp: 1))
            _ = try await peer.question(0)
            // Its producer can still end it.
            #expect(try await peer.end(long, .commit).code == 0)
            #expect(try await peer.texts("T") == ["long"])
            // Of a birth that cannot be.
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 3, op: 1, asked: 1))
        }
    }

    /// A page at a time is done before it looks whether it must end. What it stored once more counts as any other the next time.
    @Test func aCheckThatMustEndGoesOnLater() async throws {
        try await withTransactions { peer, clock in
            for number in 0..<70 { _ = try await peer.sendHalf("T", "\(number)") }
            clock.advance(.seconds(60))
            let state = peer.broker.state
            let looks = Mutex(0)
            let outcome = await withCheckedContinuation { done in
                _ = state.workers.transactions.run {
                    let check = TransactionCheck(broker: state) {
                        looks.withLock { looks in
                            looks += 1
                            return looks > 1
                        }
                    }
                    done.resume(returning: check.run())
                }
            }
            #expect(outcome == TransactionCheck.Outcome(half: 32, asked: 32))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 102, asked: 70))
        }
    }

    @Test func aBrokerChecksByItself() async throws {
        try await withPeer({ $0.transactionCheckMilliseconds = 100; $0.transactionTimeoutMilliseconds = 0 }) { peer in
            _ = try await peer.createTopic("T")
            try await peer.produce(as: "c")
            _ = try await peer.sendHalf("T", "x")
            let copy = try await peer.question(0)
            #expect(try await peer.end(copy, .commit).code == 0)
            #expect(try await peer.texts("T") == ["x"])
            // What is looked through is written down like any group's progress.
            try await eventually("all is looked through") {
                let end = peer.broker.state.store.maxOffset(topic: Peer.half, queueId: 0)
                return peer.broker.state.offsets.existing(group: SystemGroup.transaction, topic: Peer.half)?[0] == end
            }
            try peer.restart()
            #expect(try peer.file("consumerOffset.json").contains("RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS"))
        }
    }
}
