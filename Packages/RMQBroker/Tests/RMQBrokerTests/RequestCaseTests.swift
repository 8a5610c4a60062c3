import Foundation
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Requests of real clients that this broker once answered otherwise than the reference.
@Suite(.takesTurns) struct RequestCaseTests {
    private func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8.filter { $0 != 0x20 })
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)! }
    }

    private func sendBatch(_ peer: Peer, _ body: [UInt8], properties: String = "", changing fields: [String: String] = [:]) async throws -> RemotingCommand {
        let header = Peer.sendFields("T", properties: properties).merging(["m": "true"]) { $1 }.merging(fields) { $1 }
        return try await peer.ask(.sendBatchMessage, header, body: body)
    }

    // MARK: Batches

    /// Erlang, Elixir and Rust clients leave its own four bytes out of the size; others may write what they like.
    @Test("Case 2.1: the total size of an element in a batch is ignored", arguments: ["00000013", "00000000", "FFFFFFFF", "7FFFFFFF"])
    func totalSize(size: String) async throws {
        try await withPeer { peer in
            let element = bytes(size + "00000000 00000000 00000000 00000001 61 0000")
            let answer = try await sendBatch(peer, element + element)
            #expect(answer.code == 0, "\(answer.remark ?? "")")
            let messages = try await peer.pull("T", from: 0).messages
            #expect(messages.map(\.body) == [[0x61], [0x61]])
        }
    }

    @Test("Case 2.2: a delay inside a batch element has no effect", arguments: ["3", "abc"])
    func delayInABatch(level: String) async throws {
        try await withPeer { peer in
            let message = Message(topic: "T", body: [1], properties: ["DELAY": level, "TAGS": "a"])
            let answer = try await sendBatch(peer, try BatchBody.encode([message]))
            #expect(answer.code == 0, "\(answer.remark ?? "")")
            let stored = try #require(try await peer.pull("T", from: 0).messages.first)
            #expect(stored.properties["DELAY"] == level)
        }
    }

    /// What the header says of the whole batch counts, but for `TRAN_MSG`, which nothing looks at there.
    @Test(arguments: [
        ("DELAY\u{1}3", "0", ResponseCode.messageIllegal), ("DELAY\u{1}abc", "0", .systemError), ("DELAY\u{1}0", "0", .success),
        ("TRAN_MSG\u{1}true", "0", .success), ("", "4", .messageIllegal), ("", "8", .messageIllegal),
    ])
    func whatTheHeaderOfABatchSays(properties: String, systemFlag: String, code: ResponseCode) async throws {
        try await withPeer { peer in
            let body = try BatchBody.encode([Message(topic: "T", body: [1])])
            let answer = try await sendBatch(peer, body, properties: properties, changing: ["f": systemFlag])
            #expect(answer.responseCode == code, "\(answer.remark ?? "")")
        }
    }

    @Test(arguments: ["", "00", "00000013 00000000 00000000 00000000 00000009 61 0000", "00000013 00000000 00000000 00000000 FFFFFFFF 61 0000"])
    func aBatchWhoseLengthsReachBeyondItIsIllegal(hex: String) async throws {
        try await withPeer { peer in
            let answer = try await sendBatch(peer, bytes(hex))
            #expect(answer.responseCode == .messageIllegal)
        }
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func theAnswerNamesEachMessageOfABatch(address: String) async throws {
        try await withPeer({ $0.brokerIP1 = address }) { peer in
            let sent = (0..<5).map { Message(topic: "T", body: [UInt8](repeating: UInt8($0), count: 10 * $0), tags: "tag\($0)") }
            let answer = try await sendBatch(peer, try BatchBody.encode(sent))
            let ids = try #require(answer.fields?["msgId"]).split(separator: ",").map(String.init)
            let stored = try await peer.pull("T", from: 0).messages
            #expect(stored.map(\.body) == sent.map(\.body))
            #expect(ids == stored.map(\.offsetMessageId))
        }
    }

    // MARK: Groups

    static let groups = [
        "com.example.Orders", "订单", "a b", "a@b", "", "..", "../../x", "a/b", "line\nbreak", "nul\u{0}", "\u{1F600}", String(repeating: "g", count: 121),
        String(repeating: "g", count: 255), String(repeating: "订", count: 255),
    ]

    @Test("Case 2.3: a group may have any name of up to 255 characters", arguments: groups)
    func anyGroup(group: String) async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            let queue = ["consumerGroup": group, "topic": "T", "queueId": "0"]
            let subscription = SubscriptionData(topic: "T", tagExpression: "*", version: 1)
            let heartbeat = try await peer.heartbeat("c", group: group, subscriptions: [subscription])
            #expect(heartbeat.code == 0, "\(heartbeat.remark ?? "")")
            let pulled = try await peer.pull("T", from: 0, changing: ["consumerGroup": group, "sysFlag": "0", "subVersion": "1"])
            #expect(pulled.code == 0, "\(pulled.remark ?? "")")
            let committed = try await peer.ask(.updateConsumerOffset, queue.merging(["commitOffset": "1"]) { $1 })
            #expect(committed.code == 0, "\(committed.remark ?? "")")
            let members = try await peer.ask(.getConsumerListByGroup, ["consumerGroup": group])
            #expect(members.code == 0)

            let retry = "%RETRY%" + group
            #expect(try await peer.topics[retry] != nil)
            let empty = try await peer.pull(retry, from: 0, changing: ["consumerGroup": group])
            #expect(empty.responseCode == .pullNotFound, "\(empty.remark ?? "")")
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": group, "topic": retry, "queueId": "0", "commitOffset": "3"])
            try peer.restart()
            let found = try await peer.ask(.queryConsumerOffset, queue)
            #expect(found.fields?["offset"] == "1")
            let retried = try await peer.ask(.queryConsumerOffset, queue.merging(["topic": retry]) { $1 })
            #expect(retried.fields?["offset"] == "3")
            let groups = try SubscriptionGroupTable(body: try await peer.ask(.getAllSubscriptiongroupConfig).body).groups
            #expect(groups[group] != nil)
        }
    }

    /// A topic's name is checked wherever a message could get into it, also when a group made the topic.
    @Test(arguments: ["com.example.Orders", "订单", "../../x", "a/b", String(repeating: "g", count: 121)])
    func nothingIsSentToARetryTopicWhoseNameIsNone(group: String) async throws {
        try await withPeer { peer in
            _ = try await peer.heartbeat("c", group: group)
            let sent = try await peer.send("%RETRY%" + group, "x")
            #expect(sent.responseCode == .systemError, "\(sent.remark ?? "")")
            _ = try await peer.pull("%RETRY%" + group, from: 0, changing: ["consumerGroup": group])
            let folders = try FileManager.default.subpathsOfDirectory(atPath: peer.storeRoot)
            #expect(!folders.contains { $0.contains("RETRY") }, "\(folders)")
        }
    }

    @Test func longerGroupsAreRefusedWhereTheyWouldBeKept() async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            for group in [String(repeating: "g", count: 256), String(repeating: "订", count: 256)] {
                let pulled = try await peer.pull("T", from: 0, changing: ["consumerGroup": group])
                #expect(pulled.responseCode == .subscriptionGroupNotExist)
                let queue = ["consumerGroup": group, "topic": "T", "queueId": "0", "commitOffset": "1"]
                #expect(try await peer.ask(.updateConsumerOffset, queue).responseCode == .systemError)
                #expect(try await peer.changeGroup(#"{"groupName":"\#(group)"}"#).responseCode == .systemError)
            }
        }
    }

    // MARK: What no server looks at

    @Test("Case 2.8: what the broker does not need may be missing")
    func missingFields() async throws {
        try await withPeer { peer in
            let leaving = try await peer.ask(.unregisterClient, ["producerGroup": "p", "consumerGroup": "g"])
            #expect(leaving.code == 0, "35 without clientID")
            for queue in [["topic": "Nowhere", "queueId": "0"], ["topic": "TBW102", "queueId": "99"], ["topic": "TBW102", "queueId": "-1"]] {
                let fields = queue.merging(["consumerGroup": "g"]) { $1 }
                let committed = try await peer.ask(.updateConsumerOffset, fields.merging(["commitOffset": "7"]) { $1 })
                #expect(committed.code == 0, "15 for \(queue)")
                let asked = try await peer.ask(.queryConsumerOffset, fields)
                #expect(asked.fields?["offset"] == "7", "14 for \(queue)")
            }
            for code in [RequestCode.sendMessage, .sendMessageV2] {
                let names = code == .sendMessage
                    ? ["topic": "T", "defaultTopic": "TBW102", "defaultTopicQueueNums": "1", "queueId": "0", "sysFlag": "0", "bornTimestamp": "1", "flag": "0"]
                    : ["b": "T", "c": "TBW102", "d": "1", "e": "0", "f": "0", "g": "1", "h": "0"]
                let sent = try await peer.ask(code, names, body: [1])
                #expect(sent.code == 0, "\(code) without producerGroup: \(sent.remark ?? "")")
            }
            let committed = try await peer.ask(.updateConsumerOffset, ["topic": "T", "queueId": "0", "commitOffset": "1"])
            #expect(committed.code == 0, "15 without consumerGroup")
            let asked = try await peer.ask(.queryConsumerOffset, ["topic": "T", "queueId": "0"])
            #expect(asked.code == 0, "14 without consumerGroup")
            #expect(asked.fields?["offset"] == "1", "14 without consumerGroup")
        }
    }

    /// Commits may name queues that are not there, but not without end.
    @Test func offsetsOfQueuesThatAreNotThereAreBounded() throws {
        let progress = try #require(ConsumerOffsets().progress(group: "g", topic: "T"))
        for queueId in 0..<TopicLimit.queues { #expect(progress.commit(1, queueId: -queueId)) }
        #expect(!progress.commit(1, queueId: 1))
        #expect(progress.commit(2, queueId: 0))
    }

    /// To make a topic the broker needs to know how.
    @Test(arguments: ["c", "d"]) func aTopicIsMadeOnlyByASendThatSaysHow(field: String) async throws {
        try await withPeer { peer in
            var fields = Peer.sendFields("New")
            fields[field] = nil
            #expect(try await peer.ask(.sendMessageV2, fields, body: [1]).responseCode == .systemError)
            #expect(try await peer.topics["New"] == nil)
            _ = try await peer.createTopic("New")
            #expect(try await peer.ask(.sendMessageV2, fields, body: [1]).code == 0)
        }
    }

    // MARK: Laxer

    @Test("Case 3.1: a delay level that is no number is refused", arguments: [("abc", 1), ("1.0", 1), (" 1", 1), ("1 ", 1), ("+1", 0), ("", 0)])
    func delayLevels(level: String, code: Int32) async throws {
        try await withPeer { peer in
            let answer = try await peer.send("T", "x", properties: "DELAY\u{1}\(level)")
            #expect(answer.code == code)
            if code != 0 { #expect(answer.remark?.contains("DELAY") == true && answer.remark?.contains(level) == true) }
            let waiting = try await peer.ask(.getMaxOffset, ["topic": "SCHEDULE_TOPIC_XXXX", "queueId": "0"])
            #expect(waiting.fields?["offset"] == (level == "+1" ? "1" : "0"))
        }
    }

    /// A message that its group failed to consume for the last time is a dead letter, and does not wait for its delay level.
    @Test("Case 3.2: a send to a retry topic beyond its maximum is a dead letter", arguments: [
        ("1", "1", 409), ("2", "1", 409), ("0", "0", 409), ("16", "", 409), ("16", "99", 120), ("0", "-1", 409),
    ] as [(String, String, Int32)])
    func deadLetters(reconsumed: String, maximum: String, version: Int32) async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("%RETRY%g", queues: 2)
            let properties = "TAGS\u{1}a\u{2}DELAY\u{1}5\u{2}RETRY_TOPIC\u{1}T\u{2}ORIGIN_MESSAGE_ID\u{1}id\u{2}WAIT\u{1}true"
            var fields = Peer.sendFields("%RETRY%g", properties: properties, queue: 1).merging(["j": reconsumed]) { $1 }
            if !maximum.isEmpty { fields["l"] = maximum }
            let sent = try await peer.ask(.sendMessageV2, fields, body: [1], version: version)
            #expect(sent.code == 0, "\(sent.remark ?? "")")
            #expect(sent.fields?["queueId"] == "1", "what the producer asked for")
            #expect(sent.fields?["queueOffset"] == "0")
            for queue in ["0", "1"] {
                #expect(try await peer.ask(.getMaxOffset, ["topic": "%RETRY%g", "queueId": queue]).fields?["offset"] == "0")
            }
            let letter = try #require(try await peer.pull("%DLQ%g", from: 0, tags: "a").messages.first)
            #expect(letter.body == [1])
            #expect(letter.reconsumeTimes == Int32(reconsumed))
            #expect(letter.properties == [
                "TAGS": "a", "DELAY": "0", "RETRY_TOPIC": "T", "ORIGIN_MESSAGE_ID": "id", "CLUSTER": "DefaultCluster",
            ])
            let topic = try #require(try await peer.topics["%DLQ%g"])
            #expect(topic.writeQueueCount == 1)
            #expect(topic.permission == .readWrite)
            let anyQueue = try await peer.ask(.sendMessageV2, fields.merging(["e": "-1"]) { $1 }, body: [2], version: version)
            #expect(["0", "1"].contains(anyQueue.fields?["queueId"]))
        }
    }

    @Test(arguments: [("0", "1", 409), ("15", "", 409), ("98", "99", 409), ("15", "1", 120)] as [(String, String, Int32)])
    func retriesBelowTheMaximumAreStored(reconsumed: String, maximum: String, version: Int32) async throws {
        try await withPeer { peer in
            _ = try await peer.heartbeat("c")
            var fields = Peer.sendFields("%RETRY%g").merging(["j": reconsumed]) { $1 }
            if !maximum.isEmpty { fields["l"] = maximum }
            let sent = try await peer.ask(.sendMessageV2, fields, body: [1], version: version)
            #expect(sent.code == 0, "\(sent.remark ?? "")")
            // In a batch nothing looks at it.
            let batch = try BatchBody.encode([Message(topic: "T", body: [1])])
            let inBatch = try await peer.ask(.sendBatchMessage, fields.merging(["m": "true", "j": "99"]) { $1 }, body: batch, version: version)
            #expect(inBatch.code == 0)
        }
    }

    /// A pull that says it commits, waits, or goes by the heartbeat says what, how long, and by which version.
    @Test(arguments: [("1", "commitOffset"), ("2", "suspendTimeoutMillis"), ("0", "subVersion")])
    func aPullNamesWhatItsFlagsNeed(flags: String, field: String) async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            let subscription = SubscriptionData(topic: "T", tagExpression: "*", version: 1)
            _ = try await peer.heartbeat("c", subscriptions: [subscription])
            var fields = [
                "consumerGroup": "g", "topic": "T", "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": flags, "commitOffset": "0",
                "suspendTimeoutMillis": "0", "subVersion": "0",
            ]
            #expect(try await peer.ask(.pullMessage, fields).code == 0)
            fields[field] = nil
            let refused = try await peer.ask(.pullMessage, fields)
            #expect(refused.responseCode == .systemError)
            #expect(refused.remark?.contains(field) == true)
            #expect(peer.broker.state.offsets.existing(group: "g", topic: "T")?[0] ?? 0 == 0)
        }
    }

    @Test(arguments: [("SQL92", "a > 1", ResponseCode.systemError), ("other", "x", .systemError), ("SQL92", "", .subscriptionParseFailed)])
    func aFilterThatIsNotServedIsNamed(type: String, expression: String, code: ResponseCode) async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            let answer = try await peer.pull("T", from: 0, tags: expression, changing: ["expressionType": type])
            #expect(answer.responseCode == code)
            #expect(answer.remark?.contains(type) == true)
        }
    }

    // MARK: What is not built

    @Test("Case 6.3: a request that is not served is refused with a remark that says why")
    func unservedRequests() async throws {
        try await withPeer { peer in
            let deletion = try await peer.ask(.deleteAclConfig)
            #expect(deletion.responseCode == .systemError, "a field is missing")
            let named = try await peer.ask(.deleteAclConfig, ["accessKey": "nobody12"])
            #expect(named.responseCode == .deleteAclConfigFailed)
            #expect(named.remark == "this broker has no accounts: access control is off, aclEnable=true in its file turns it on")
            for number in Int32(0)...400 {
                let code = RequestCode(rawValue: number)
                guard !HeaderTableTests.isServed(code) else { continue }
                let answer = try await peer.ask(code)
                #expect(answer.responseCode == .requestCodeNotSupported, "\(code)")
                let saysWhy = answer.remark?.contains("it is for a ") == true
                #expect(saysWhy == (code.name != nil && !Self.servedByNone.contains(number)), "\(code): \(answer.remark ?? "")")
            }
        }
    }

    /// Codes that the protocol names and no server or client of release 4.9.8 answers.
    private static let servedByNone: Set<Int32> = [13, 22, 23, 27, 209, 210, 211, 212, 213, 214, 301, 302]
}
