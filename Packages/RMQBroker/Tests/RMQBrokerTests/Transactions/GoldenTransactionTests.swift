import Foundation
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

@testable import RMQBroker

/// Transactions that the reference's broker left behind go on where they stood: its stores, and the frames of its clients.
///
///     half queue   0 committed   1 rolled back   2 asked about, so 3   3 committed
///     op queue     0 of half 0   1 of half 1     2 of half 3
@Suite(.takesTurns) struct GoldenTransactionTests {
    private static let group = "golden_tx_producer"
    private static let unknownId = "FD0000000000000000000000000000020D745FFD2B2767CAFDD40050"
    /// When the reference's broker asked, in milliseconds since 1970.
    private static let askedAt: Int64 = 1_795_232_562_934

    /// - Parameter progress: how far the reference's check is in the half queue and in the op queue, as its file says.
    private func withStore(
        progress: (half: Int, op: Int)? = nil, at time: Int64 = askedAt + 60_000,
        _ body: (Peer, HandClock) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        try FileManager.default.copyItem(atPath: GoldenData.path("store-clean"), toPath: root)
        if let progress {
            let path = root + "/config/consumerOffset.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
                .replacing("TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS\":{0:4", with: "TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS\":{0:\(progress.half)")
                .replacing("OP_HALF_TOPIC@CID_RMQ_SYS_TRANS\":{0:3", with: "OP_HALF_TOPIC@CID_RMQ_SYS_TRANS\":{0:\(progress.op)")
            try text.write(toFile: path, atomically: false, encoding: .utf8)
        }
        let clock = HandClock(time)
        try await withPeer(clocks: clock.clocks, { configuration in
            configuration.store.rootDirectory = root
            configuration.store.segmentBytes = 1 << 20
            configuration.store.consumeQueueFileBytes = 6_000
            configuration.transactionCheckMilliseconds = 1_000_000_000
            configuration.listener.idleTimeout = .seconds(1_000_000)
            configuration.clientScanInterval = .seconds(1_000_000)
        }) { peer in
            try await peer.produce(as: "c", group: Self.group)
            try await body(peer, clock)
        }
    }

    private func recorded(_ code: RequestCode, serialization: HeaderSerialization = .json) throws -> [RemotingCommand] {
        try RecordedExchanges().requests(code.rawValue).filter { $0.serialization == serialization }
    }

    private func ends(_ peer: Peer) -> [Int64] { (0..<4).map { peer.broker.state.store.maxOffset(topic: "GoldenTx", queueId: $0) } }

    @Test func whatHasEndedStaysEnded() async throws {
        try await withStore { peer, clock in
            let before = ends(peer)
            // The recorded requests once more: commit, rollback, commit after a question.
            let requests = try recorded(.endTransaction)
            #expect(requests.count == 3)
            for var request in requests {
                request.isOneway = false
                #expect(try await peer.client.request(request, to: peer.address, timeout: .generous).code == 0)
            }
            #expect(ends(peer) == before)
            #expect(peer.broker.state.store.maxOffset(topic: Peer.ops, queueId: 0) == 3)
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 4, op: 3))
            #expect(peer.questions.isEmpty)
        }
    }

    /// The reference's broker had stored the half message once more, and died before it wrote down that it had.
    @Test func whatWasInFlightIsAskedAbout() async throws {
        try await withStore(progress: (2, 2)) { peer, clock in
            #expect(await peer.check() == TransactionCheck.Outcome(half: 4, op: 2, asked: 1))
            let copy = try await peer.question(0)
            #expect(copy.queueOffset == 4)
            let ours = peer.questions[0]
            let theirs = try #require(try RecordedExchanges().questions.first)
            #expect(Set(try #require(ours.fields).map(\.name)) == Set(try #require(theirs.fields).map(\.name)))
            #expect(ours.fields?["msgId"] == Self.unknownId && ours.fields?["transactionId"] == Self.unknownId)
            var (own, other) = (try ours.messages[0], try theirs.messages[0])
            #expect(own.properties["TRAN_PREPARED_QUEUE_OFFSET"] == "2")
            own.properties["TRAN_PREPARED_QUEUE_OFFSET"] = nil
            // Theirs says that the broker did not wait for the copy; ours that it did, by saying nothing.
            other.properties["WAIT"] = nil
            (own.physicalOffset, own.queueOffset, own.storeSize, own.storeHost) = (other.physicalOffset, other.queueOffset, other.storeSize, other.storeHost)
            #expect(own == other)
            #expect(try await peer.end(copy, .commit, group: Self.group).code == 0)
            clock.advance(.seconds(60))
            #expect(await peer.check() == TransactionCheck.Outcome(half: 5, op: 3))
        }
    }

    @Test func aCommitThatWasUnderWayIsTaken() async throws {
        try await withStore(progress: (2, 2)) { peer, _ in
            let before = ends(peer)
            // Of the first record, by a producer that took its time; the second one has ended.
            let request = try #require(try recorded(.endTransaction).last)
            #expect(try await peer.ask(.endTransaction, Dictionary(uniqueKeysWithValues: #require(request.fields).map { ($0.name, $0.value) })).code == 0)
            #expect(ends(peer) == before)
            let half = try #require(try await peer.pull(Peer.half, from: 2).messages.first)
            let fields = ["tranStateTableOffset": "2", "commitLogOffset": "\(half.physicalOffset)"]
            let rollback = try await peer.ask(.endTransaction, [
                "producerGroup": Self.group, "commitOrRollback": "12", "fromTransactionCheck": "false", "msgId": Self.unknownId,
            ].merging(fields) { $1 })
            #expect(rollback.code == 0)
            #expect(await peer.check() == TransactionCheck.Outcome(half: 4, op: 2))
            #expect(try await peer.texts(Peer.ops) == ["0", "1", "3", "2"])
        }
    }

    /// What lay there for longer than the log is kept is not asked about any more.
    @Test func whatIsTooOldIsGivenUp() async throws {
        try await withStore(progress: (2, 2), at: Self.askedAt + 4 * 86_400_000) { peer, _ in
            #expect(await peer.check() == TransactionCheck.Outcome(half: 4, op: 2, givenUp: 1))
            let kept = try #require(try await peer.pull(Peer.exceeded, from: 0).messages.first)
            #expect(kept.properties["UNIQ_KEY"] == Self.unknownId)
            #expect(peer.questions.isEmpty)
        }
    }

    /// The records that ours writes are the reference's but for their times and places.
    @Test func recordsAreTheReferences() async throws {
        try await withStore(progress: (4, 3)) { peer, _ in
            let theirs = try await peer.pull(Peer.half, from: 0).messages[0]
            let properties = theirs.properties.filter { !["REAL_TOPIC", "REAL_QID", "CLUSTER", "MIN_OFFSET", "MAX_OFFSET"].containsExactly($0.name) }
            let text = properties.map { "\($0.name)\u{1}\($0.value)" }.joined(separator: "\u{2}")
            let half = try SentHalf(await peer.send("GoldenTx", theirs.text, properties: text, queue: 3, changing: ["f": "4", "g": "\(theirs.bornTimestamp)"]))
            #expect(try await peer.end(half, .commit, group: Self.group).code == 0)
            func same(_ topic: String, _ queue: Int, _ offsets: (Int64, Int64)) async throws {
                var pair: [StoredMessage] = []
                for offset in [offsets.0, offsets.1] {
                    pair.append(try #require(try await peer.pull(topic, from: offset, changing: ["queueId": "\(queue)"]).messages.first))
                }
                var (own, other) = (pair[1], pair[0])
                own.properties["CLUSTER"] = other.properties["CLUSTER"]
                #expect(own.properties == other.properties && own.body == (topic.isExactly(Peer.ops) ? Array("4".utf8) : other.body), "\(topic)")
                #expect(own.systemFlag == other.systemFlag && own.queueId == other.queueId && own.flag == other.flag, "\(topic)")
                #expect(own.reconsumeTimes == other.reconsumeTimes && (own.preparedTransactionOffset == 0) == (other.preparedTransactionOffset == 0), "\(topic)")
            }
            try await same(Peer.half, 0, (0, 4))
            try await same("GoldenTx", 3, (0, 1))
            try await same(Peer.ops, 0, (0, 3))
        }
    }

    /// The store that was killed: two transactions that were committed after a question, and nothing that waits.
    @Test func aKilledStoreGoesOn() async throws {
        let folder = try TemporaryFolder()
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "xzf", try GoldenData.path("store-crashed.tar.gz"), "-C", folder.path]
        try tar.run()
        tar.waitUntilExit()
        #expect(tar.terminationStatus == 0)
        let clock = HandClock(Self.askedAt + 3_600_000)
        try await withPeer(clocks: clock.clocks, { configuration in
            configuration.store.rootDirectory = folder.sub("store-crashed")
            configuration.store.segmentBytes = 1 << 20
            configuration.store.consumeQueueFileBytes = 6_000
            configuration.transactionCheckMilliseconds = 1_000_000_000
        }) { peer in
            try await peer.produce(as: "c", group: Self.group)
            let before = ends(peer)
            for var request in try recorded(.endTransaction, serialization: .rocketmq) {
                request.isOneway = false
                #expect(try await peer.client.request(request, to: peer.address, timeout: .generous).code == 0)
            }
            #expect(ends(peer) == before)
            // Before it wrote down how far it was: what ended is known, and one half message has no end of its own.
            peer.broker.state.offsets.progress(group: SystemGroup.transaction, topic: Peer.half)?.commit(4, queueId: 0)
            peer.broker.state.offsets.progress(group: SystemGroup.transaction, topic: Peer.ops)?.commit(3, queueId: 0)
            #expect(await peer.check() == TransactionCheck.Outcome(half: 8, op: 3, asked: 1))
            #expect(try await peer.end(peer.question(0), .rollback, group: Self.group).code == 0)
            #expect(ends(peer) == before)
        }
    }
}
