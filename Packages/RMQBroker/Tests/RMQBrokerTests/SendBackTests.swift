import Foundation
@testable import RMQBroker
import RMQCommon
import RMQRemoting
@testable import RMQStore
import RMQTestSupport
import Testing

/// Code 36: what becomes of a message that a consumer gives back.
@Suite(.takesTurns) struct SendBackTests {
    /// Every delay level of the default table, without its wait.
    private static let shortLevels = [Int64](repeating: 1, count: 18)

    private func sendBack(
        _ peer: Peer, _ offset: Int64, group: String = "g", level: String = "0", changing fields: [String: String] = [:],
        version: Int32 = ProtocolVersion.current.ordinal
    ) async throws -> RemotingCommand {
        let all = ["offset": "\(offset)", "group": group, "delayLevel": level, "originMsgId": "", "originTopic": "T", "unitMode": "false"]
        return try await peer.ask(.consumerSendMsgBack, all.merging(fields) { $1 }, version: version)
    }

    /// The one message of a queue of the schedule topic.
    private func waiting(_ peer: Peer, level: Int) async throws -> StoredMessage? {
        try await peer.pull("SCHEDULE_TOPIC_XXXX", from: 0, changing: ["queueId": "\(level - 1)"]).messages.first
    }

    private func end(_ peer: Peer, _ topic: String) async throws -> String? {
        try await peer.ask(.getMaxOffset, ["topic": topic, "queueId": "0"]).fields?["offset"]
    }

    @Test func aMessageComesAgainUntilItIsADeadLetter() async throws {
        try await withPeer({ $0.store.delayLevelMilliseconds = Self.shortLevels }) { peer in
            _ = try await peer.send("T", "body", properties: "TAGS\u{1}a\u{2}KEYS\u{1}k\u{2}WAIT\u{1}true", changing: ["h": "7", "f": "0"])
            let first = try #require(try await peer.pull("T", from: 0).messages.first)
            var consumed = first
            func expectTheSame(_ message: StoredMessage, _ place: String) {
                #expect(message.text == "body")
                #expect(message.flag == 7)
                #expect(message.bornTimestamp == first.bornTimestamp)
                #expect(message.bornHost == first.bornHost)
                #expect(message.storeHost == first.storeHost)
                #expect(message.systemFlag == first.systemFlag)
                #expect(message.reconsumeTimes == consumed.reconsumeTimes + 1, "\(place)")
            }
            var properties: MessageProperties = [
                "TAGS": "a", "KEYS": "k", "CLUSTER": "DefaultCluster", "RETRY_TOPIC": "T", "ORIGIN_MESSAGE_ID": first.offsetMessageId,
                "WAIT": "false", "REAL_TOPIC": "%RETRY%g", "REAL_QID": "0",
            ]
            for retry in 0..<16 {
                let answer = try await sendBack(peer, consumed.physicalOffset)
                #expect(answer.code == 0, "\(answer.remark ?? "")")
                try await eventually("retry \(retry) is delivered") { try await end(peer, "%RETRY%g") == "\(retry + 1)" }
                let again = try #require(try await peer.pull("%RETRY%g", from: Int64(retry), tags: "a").messages.first)
                expectTheSame(again, "retry \(retry)")
                properties["DELAY"] = "\(min(retry + 3, 18))"
                #expect(again.properties == properties)
                consumed = again
            }
            #expect(try await sendBack(peer, consumed.physicalOffset).code == 0)
            let letter = try #require(try await peer.pull("%DLQ%g", from: 0, tags: "a").messages.first)
            expectTheSame(letter, "dead letter")
            properties["DELAY"] = "0"
            #expect(letter.properties == properties)
            #expect(try await end(peer, "%RETRY%g") == "16")
            let topic = try #require(try await peer.topics["%DLQ%g"])
            #expect(topic.readQueueCount == 1)
            #expect(topic.writeQueueCount == 1)
            #expect(topic.permission == .readWrite)
            #expect(topic.systemFlag == 0)
        }
    }

    @Test(arguments: [("0", 3), ("1", 1), ("5", 5), ("18", 18), ("19", 18), ("2147483647", 18)])
    func theConsumerMaySayWhenItComesAgain(level: String, expected: Int) async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            #expect(try await sendBack(peer, 0, level: level).code == 0)
            let message = try #require(try await waiting(peer, level: expected))
            #expect(message.properties["DELAY"] == "\(expected)")
            #expect(message.properties["REAL_TOPIC"] == "%RETRY%g")
        }
    }

    /// Level, maximum of the request and of the group, version of the client.
    @Test(arguments: [
        ("-1", "16", 16, 409, true), ("-2147483648", "", 16, 409, true), ("0", "0", 16, 409, true), ("5", "0", 16, 409, true),
        ("0", "-1", 16, 409, true), ("0", "", 0, 409, true), ("0", "0", 16, 120, false), ("0", "16", 0, 120, true), ("0", "1", 0, 409, false),
        ("0", "1", 0, 121, false), ("0", "abc", 16, 409, false), ("0", "", 16, 409, false),
    ] as [(String, String, Int, Int32, Bool)])
    func aDeadLetterIsOneAtOnce(level: String, maximum: String, ofGroup: Int, version: Int32, isDead: Bool) async throws {
        try await withPeer { peer in
            _ = try await peer.changeGroup(#"{"groupName":"g","retryMaxTimes":\#(ofGroup)}"#)
            _ = try await peer.send("T", "x")
            let answer = try await sendBack(peer, 0, level: level, changing: maximum.isEmpty ? [:] : ["maxReconsumeTimes": maximum], version: version)
            #expect(answer.code == 0, "\(answer.remark ?? "")")
            if isDead {
                let letter = try #require(try await peer.pull("%DLQ%g", from: 0).messages.first)
                #expect(letter.reconsumeTimes == 1)
                #expect(letter.properties["DELAY"] == "0")
            } else {
                #expect(try await waiting(peer, level: 3) != nil)
                #expect(try await peer.topics["%DLQ%g"] == nil)
            }
        }
    }

    @Test func whatWasSentBackBeforeKeepsItsOrigin() async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x", properties: "RETRY_TOPIC\u{1}First\u{2}ORIGIN_MESSAGE_ID\u{1}id\u{2}DELAY\u{1}0", changing: ["j": "4"])
            #expect(try await sendBack(peer, 0).code == 0)
            let message = try #require(try await waiting(peer, level: 7))
            #expect(message.reconsumeTimes == 5)
            #expect(message.properties["RETRY_TOPIC"] == "First")
            #expect(message.properties["ORIGIN_MESSAGE_ID"] == "id")
        }
    }

    // MARK: Topics

    @Test func aRetryTopicIsMadeAsItsGroupSays() async throws {
        try await withPeer({ $0.store.delayLevelMilliseconds = Self.shortLevels }) { peer in
            _ = try await peer.changeGroup(#"{"groupName":"g","retryQueueNums":3}"#)
            _ = try await peer.send("T", "x")
            for _ in 0..<60 { #expect(try await sendBack(peer, 0, changing: ["unitMode": "true"]).code == 0) }
            let topic = try #require(try await peer.topics["%RETRY%g"])
            #expect(topic.readQueueCount == 3)
            #expect(topic.writeQueueCount == 3)
            #expect(topic.permission == .readWrite)
            #expect(topic.systemFlag == 2)
            try await eventually("all come again, in every queue") {
                var ends: [Int] = []
                for queue in 0..<3 {
                    let end = try await peer.ask(.getMaxOffset, ["topic": "%RETRY%g", "queueId": "\(queue)"]).fields?["offset"]
                    ends.append(end.flatMap { Int($0) } ?? 0)
                }
                return ends.reduce(0, +) == 60 && !ends.contains(0)
            }
        }
    }

    /// Consumers do not look into queues that the topic does not have.
    @Test func aMessageGoesIntoNoQueueThatNobodyReads() async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            _ = try await peer.changeGroup(#"{"groupName":"g","retryQueueNums":1}"#)
            _ = try await peer.heartbeat("c")
            _ = try await peer.changeGroup(#"{"groupName":"g","retryQueueNums":8}"#)
            for _ in 0..<20 { #expect(try await sendBack(peer, 0).code == 0) }
            let queues = try await peer.pull("SCHEDULE_TOPIC_XXXX", from: 0, changing: ["queueId": "2"]).messages.map { $0.properties["REAL_QID"] }
            #expect(queues == Array(repeating: "0", count: 20))
        }
    }

    @Test func aGroupWithoutRetryQueuesWantsNothingAgain() async throws {
        try await withPeer { peer in
            _ = try await peer.changeGroup(#"{"groupName":"g","retryQueueNums":0}"#)
            _ = try await peer.send("T", "x")
            #expect(try await sendBack(peer, 0).code == 0)
            #expect(try await sendBack(peer, -1, level: "-1").code == 0)
            #expect(try await waiting(peer, level: 3) == nil)
            #expect(try await peer.topics["%RETRY%g"] == nil)
            #expect(try await peer.topics["%DLQ%g"] == nil)
        }
    }

    @Test func whoMayReadDeadLettersIsTheOperatorsChoice() async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "0")
            #expect(try await sendBack(peer, 0, level: "-1").code == 0)
            #expect(try await peer.pull("%DLQ%g", from: 0).messages.count == 1)
            #expect(try await peer.createTopic("%DLQ%g", changing: ["perm": "2"]).code == 0)
            #expect(try await peer.pull("%DLQ%g", from: 0).responseCode == .noPermission)
            #expect(try await sendBack(peer, 0, level: "-1").code == 0, "the broker goes on to write there")
            #expect(try await peer.createTopic("%DLQ%g", changing: ["perm": "6"]).code == 0)
            #expect(try await peer.pull("%DLQ%g", from: 0).messages.map(\.text) == ["0", "0"])
            // As at the reference, clients may send there.
            #expect(try await peer.send("%DLQ%g", "own").code == 0)
            #expect(try await peer.send("%DLQ%new", "own").code == 0)
        }
    }

    // MARK: Refusals

    @Test func anUnknownGroupIsRefused() async throws {
        try await withPeer({ $0.autoCreateSubscriptionGroup = false; $0.brokerPermission = 4 }) { peer in
            let answer = try await sendBack(peer, -1)
            #expect(answer.responseCode == .subscriptionGroupNotExist)
            #expect(answer.remark == "subscription group not exist, g")
        }
    }

    @Test func aBrokerThatMayNotBeWrittenRefuses() async throws {
        try await withPeer({ $0.brokerPermission = 4 }) { peer in
            _ = try await peer.changeGroup(#"{"groupName":"g","retryQueueNums":0}"#)
            let answer = try await sendBack(peer, -1)
            #expect(answer.responseCode == .noPermission)
            #expect(answer.remark == "the broker[127.0.0.1] sending message is forbidden")
        }
    }

    @Test func aRetryTopicThatMayNotBeWrittenRefuses() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("%RETRY%g", changing: ["perm": "4"])
            let answer = try await sendBack(peer, -1)
            #expect(answer.responseCode == .noPermission)
            #expect(answer.remark == "the topic[%RETRY%g] sending message is forbidden")
        }
    }

    @Test(arguments: [-1, 1, 100_000_000, Int64.max, Int64.min]) func whatIsNotThereCannotComeAgain(offset: Int64) async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            let answer = try await sendBack(peer, offset)
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark == "look message by offset failed, \(offset)")
        }
    }

    /// A group may have any name; what is stored is in files, whose names are checked.
    @Test(arguments: ["com.example.Orders", "订单", "../../x", "a/b", String(repeating: "g", count: 121)])
    func nothingComesAgainInATopicWhoseNameIsNone(group: String) async throws {
        try await withPeer({ $0.store.delayLevelMilliseconds = Self.shortLevels }) { peer in
            _ = try await peer.send("T", "x")
            for isConnected in [false, true] {
                if isConnected { _ = try await peer.heartbeat("c", group: group) }
                for level in ["0", "-1"] {
                    let answer = try await sendBack(peer, 0, group: group, level: level)
                    #expect(answer.responseCode == .systemError)
                    #expect(answer.remark?.contains("name") == true, "\(answer.remark ?? "")")
                }
                let fallback = try await peer.send("%RETRY%" + group, "x", changing: ["j": "16"])
                #expect(fallback.responseCode == .systemError)
            }
            let folders = try FileManager.default.subpathsOfDirectory(atPath: peer.storeRoot)
            #expect(!folders.contains { $0.contains("RETRY") || $0.contains("DLQ") }, "\(folders)")
            #expect(try await end(peer, "T") == "1")
        }
    }

    @Test func whatCannotBeStoredIsSaidWithTheReferencesName() async throws {
        try await withPeer { peer in
            let properties = "KEYS\u{1}" + String(repeating: "k", count: 32_700)
            #expect(try await peer.send("T", "x", properties: properties).code == 0)
            let tooLong = try await sendBack(peer, 0)
            #expect(tooLong.responseCode == .systemError)
            #expect(tooLong.remark?.hasPrefix("MESSAGE_ILLEGAL") == true, "\(tooLong.remark ?? "")")
            try peer.broker.state.store.becomeReplica()
            let replica = try await sendBack(peer, 0)
            #expect(replica.responseCode == .systemError)
            #expect(replica.remark?.hasPrefix("SERVICE_NOT_AVAILABLE") == true, "\(replica.remark ?? "")")
        }
    }

    // MARK: Where the record is

    /// A worker reads it; by then the group may be gone.
    @Test func aMessageThatIsNotInMemoryIsReadByAWorker() async throws {
        try await withPeer({ $0.store.recentBytes = -1; $0.eventLoops = 1; $0.autoCreateSubscriptionGroup = false }) { peer in
            _ = try await peer.changeGroup(#"{"groupName":"g"}"#)
            _ = try await peer.send("T", "x")
            #expect(try await sendBack(peer, 0).code == 0)
            #expect(try await waiting(peer, level: 3)?.text == "x")

            let gate = Latch()
            for _ in 0..<Workers.threadLimit { try #require(peer.broker.state.workers.readers.run { gate.wait(for: .generous); gate.open() }) }
            async let late = sendBack(peer, 0)
            try await eventually("it waits for a reader") { peer.broker.state.workers.readers.waitingCount == 1 }
            #expect(try await peer.ask(.deleteSubscriptiongroup, ["groupName": "g"]).code == 0)
            gate.open()
            #expect(try await late.responseCode == .subscriptionGroupNotExist)
        }
    }

    @Test(arguments: FlushPolicy.allCases) func manyAtOnceAllComeAgain(flush: FlushPolicy) async throws {
        try await withPeer({ $0.store.flush = flush; $0.store.delayLevelMilliseconds = Self.shortLevels }) { peer in
            for number in 0..<100 { _ = try await peer.send("T", "\(number)") }
            let consumed = try await peer.pull("T", from: 0, changing: ["maxMsgNums": "100"]).messages
            var offsets = consumed.map(\.physicalOffset)
            while offsets.count < 100 { offsets += try await peer.pull("T", from: Int64(offsets.count)).messages.map(\.physicalOffset) }
            let codes = try await withThrowingTaskGroup(of: Int32.self) { group in
                for offset in offsets { group.addTask { try await sendBack(peer, offset).code } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == Array(repeating: 0, count: 100))
            try await eventually("all come again") { try await end(peer, "%RETRY%g") == "100" }
            var texts: Set<String> = []
            while texts.count < 100 { texts.formUnion(try await peer.pull("%RETRY%g", from: Int64(texts.count)).messages.map(\.text)) }
            #expect(texts == Set((0..<100).map { "\($0)" }))
        }
    }
}
