@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Codes 10, 310 and 320: what is refused, in which order, and what a message looks like that was taken.
@Suite(.takesTurns) struct SendTests {
    @Test(arguments: ["RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC", "OFFSET_MOVED_EVENT"])
    func aForbiddenTopicIsRefusedAndNotMade(topic: String) async throws {
        try await withPeer { peer in
            let before = try await peer.topics.keys.sorted()
            let answer = try await peer.send(topic, "x")
            #expect(answer.responseCode == .noPermission)
            #expect(answer.remark == "Sending message to topic[\(topic)] is forbidden.")
            #expect(answer.fields?["MSG_REGION"] == "DefaultRegion")
            #expect(answer.fields?["TRACE_ON"] == "true")
            #expect(try await peer.topics.keys.sorted() == before)
        }
    }

    @Test(arguments: ["TBW102", "BenchmarkTest", "RMQ_SYS_TRACE_TOPIC", "rmq_sys_TRACE_DATA_x", "DefaultCluster"])
    func aSystemTopicThatClientsMayUseIsNot(topic: String) async throws {
        try await withPeer { peer in
            let answer = try await peer.send(topic, "x")
            #expect(answer.responseCode == .success)
        }
    }

    /// What a client of 4.4.0 must send, and nothing that it may leave out.
    @Test(arguments: [RequestCode.sendMessage, .sendMessageV2])
    func fieldsThatMayBeMissingMayBeMissing(code: RequestCode) async throws {
        let needed = ["topic", "queueId", "sysFlag", "bornTimestamp", "flag"]
        try await withPeer { peer in
            var fields = ["a": "p", "b": "Least", "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "7"]
            if code == .sendMessage {
                let long = [
                    "a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId", "f": "sysFlag",
                    "g": "bornTimestamp", "h": "flag",
                ]
                fields = Dictionary(uniqueKeysWithValues: fields.map { (long[$0.key]!, $0.value) })
            }
            let sent = try await peer.ask(code, fields, text: "x")
            #expect(sent.responseCode == .success)
            #expect(sent.fields?["queueId"] == "0")
            #expect(sent.fields?["queueOffset"] == "0")
            let message = try #require(try await peer.pull("Least", from: 0).messages.first)
            #expect(message.flag == 7)
            #expect(message.bornTimestamp == 1)
            #expect(message.reconsumeTimes == 0)
            #expect(message.properties == ["CLUSTER": "DefaultCluster"])
            for name in fields.keys where name.count > 1 ? needed.contains(name) : "befgh".contains(name) {
                var less = fields
                less[name] = nil
                let refused = try await peer.ask(code, less, text: "x")
                #expect(refused.responseCode == .systemError, "\(name): \(refused.remark ?? "")")
                #expect(refused.remark?.contains(name) == true, "\(name): \(refused.remark ?? "")")
            }
        }
    }

    @Test(arguments: [("3", 3), ("8", 8), ("100", 8), ("1", 1)])
    func aNewTopicGetsWhatTheSendAsksForAndTheTemplateAllows(asked: String, queues: Int32) async throws {
        try await withPeer { peer in
            _ = try await peer.send("New", "x", changing: ["d": asked])
            let topic = try #require(try await peer.topics["New"])
            #expect(topic.readQueueCount == queues)
            #expect(topic.writeQueueCount == queues)
            #expect(topic.permission.rawValue == 6)
            #expect(topic.systemFlag == 0)
            #expect(topic.filterType == .singleTag)
            #expect(!topic.isOrdered)
        }
    }

    @Test func whereATopicCannotBeMadeTheSendIsRefused() async throws {
        try await withPeer { peer in
            for (template, queues) in [("Nowhere", "4"), ("SELF_TEST_TOPIC", "4")] {
                let answer = try await peer.send("Refused", "x", changing: ["c": template, "d": queues])
                #expect(answer.responseCode == .topicNotExist)
                #expect(answer.remark == "topic[Refused] not exist, apply first please!")
            }
            // As at the reference it is made, but has no queue.
            let none = try await peer.send("Empty", "x", changing: ["d": "-1"])
            #expect(none.responseCode == .systemError)
            let topics = try await peer.topics
            #expect(topics["Refused"] == nil)
            #expect(topics["Empty"]?.writeQueueCount == 0)
        }
        try await withPeer({ $0.autoCreateTopic = false }) { peer in
            let answer = try await peer.send("Refused", "x")
            #expect(answer.responseCode == .topicNotExist)
            let retry = try await peer.send("%RETRY%g", "x", changing: ["k": "true"])
            #expect(retry.responseCode == .success)
            let topic = try #require(try await peer.topics["%RETRY%g"])
            #expect(topic.writeQueueCount == 1)
            #expect(topic.permission.rawValue == 6)
            #expect(topic.systemFlag == 2)
        }
    }

    @Test func unitModeIsKeptInTheTopic() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Unit", "x", changing: ["k": "true"])
            _ = try await peer.send("%RETRY%u", "x", changing: ["k": "true"])
            let topics = try await peer.topics
            #expect(topics["Unit"]?.systemFlag == 1)
            #expect(topics["%RETRY%u"]?.systemFlag == 2)
        }
    }

    @Test func aRetryTopicNeedsItsGroup() async throws {
        try await withPeer { peer in
            let answer = try await peer.send("%RETRY%made", "x")
            #expect(answer.responseCode == .success)
            let groups = try SubscriptionGroupTable(body: try await peer.ask(.getAllSubscriptiongroupConfig).body).groups
            #expect(groups["made"]?.retryMaxTimes == 16)
        }
        try await withPeer({ $0.autoCreateSubscriptionGroup = false }) { peer in
            let answer = try await peer.send("%RETRY%unknown", "x")
            #expect(answer.responseCode == .subscriptionGroupNotExist)
            #expect(answer.remark == "subscription group not exist, unknown")
        }
    }

    @Test func theQueueIsTheOneAskedForOrAnyOfThoseWrittenTo() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("Uneven", changing: ["readQueueNums": "4", "writeQueueNums": "2"])
            var chosen: Set<String> = []
            for _ in 0..<40 {
                let answer = try await peer.send("Uneven", "x", queue: -1)
                chosen.insert(try #require(answer.fields?["queueId"]))
            }
            #expect(chosen == ["0", "1"])
            let readOnly = try await peer.send("Uneven", "x", queue: 3)
            #expect(readOnly.responseCode == .success)
            #expect(readOnly.fields?["queueId"] == "3")
            let beyond = try await peer.send("Uneven", "x", queue: 4)
            #expect(beyond.responseCode == .systemError)
            #expect(beyond.remark?.hasPrefix("request queueId[4] is illegal") == true)
        }
    }

    @Test func whatIsTooLargeIsIllegal() async throws {
        try await withPeer({ $0.store.maxMessageBytes = 1_000 }) { peer in
            let fits = try await peer.send("Sized", String(repeating: "x", count: 1_000))
            #expect(fits.responseCode == .success)
            let body = try await peer.send("Sized", String(repeating: "x", count: 1_001))
            #expect(body.responseCode == .messageIllegal)
            let properties = try await peer.send("Sized", "x", properties: "KEYS\u{1}" + String(repeating: "k", count: 32_768))
            #expect(properties.responseCode == .messageIllegal)
            let end = try await peer.ask(.getMaxOffset, ["topic": "Sized", "queueId": "0"])
            #expect(end.fields?["offset"] == "1")
        }
    }

    @Test func aBrokerMayWaitBeforeItTakesMessages() async throws {
        try await withPeer({ $0.startAcceptSendTimestamp = .max }) { peer in
            let answer = try await peer.send("Early", "x")
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark?.hasPrefix("broker unable to service, until") == true)
            #expect(try await peer.topics["Early"] == nil)
        }
    }

    /// The reference's rule: only ordered topics stop, others are drained by the routes.
    @Test func aBrokerThatMayNotBeWrittenRefusesOrderedTopics() async throws {
        let topics = """
            {"dataVersion":{"counter":3,"timestamp":1700000000000},"topicConfigTable":{
            "Ordered":{"order":true,"perm":6,"readQueueNums":1,"topicFilterType":"SINGLE_TAG","topicName":"Ordered","topicSysFlag":0,"writeQueueNums":1}}}
            """
        try await withPeer(files: ["topics.json": topics], { $0.brokerPermission = 4 }) { peer in
            let ordered = try await peer.send("Ordered", "x")
            #expect(ordered.responseCode == .noPermission)
            #expect(ordered.remark == "the broker[127.0.0.1] sending message is forbidden")
            let other = try await peer.send("Other", "x")
            #expect(other.responseCode == .success)
        }
    }

    @Test func aTopicOfSeveralTagsMarksItsMessages() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("Tags", changing: ["topicFilterType": "MULTI_TAG"])
            _ = try await peer.send("Tags", "x", changing: ["f": "0"])
            let message = try #require(try await peer.pull("Tags", from: 0).messages.first)
            #expect(message.systemFlag.rawValue & 2 == 2)
        }
    }

    @Test(arguments: [("1", 0), ("18", 17), ("19", 17), ("2147483647", 17)])
    func aDelayBeyondTheLastLevelIsTheLast(level: String, queue: Int32) async throws {
        try await withPeer { peer in
            let sent = try await peer.send("Later", "x", properties: "DELAY\u{1}\(level)", queue: 3)
            #expect(sent.responseCode == .success)
            #expect(sent.fields?["queueId"] == "3")
            let scheduled = try #require(try await peer.ask(.viewMessageById, ["offset": "0"]).messages.first)
            #expect(scheduled.topic == "SCHEDULE_TOPIC_XXXX")
            #expect(scheduled.queueId == queue)
            #expect(scheduled.properties["REAL_TOPIC"] == "Later")
            #expect(scheduled.properties["REAL_QID"] == "3")
        }
    }

    /// Else a kill right after the answer would leave messages in a topic that nobody knows.
    @Test(arguments: FlushPolicy.allCases) func anAcknowledgedTopicIsOnTheDisk(flush: FlushPolicy) async throws {
        try await withPeer({ $0.store.flush = flush }) { peer in
            for number in 0..<20 {
                let sent = try await peer.send("Fresh\(number)", "x")
                #expect(sent.responseCode == .success)
                #expect(try peer.file("topics.json").contains("\"Fresh\(number)\""))
            }
            // Several at once to a topic that none of them knows, in one write.
            let codes = try await withThrowingTaskGroup(of: Int32.self) { group in
                for number in 0..<64 { group.addTask { try await peer.send("Shared\(number % 4)", "x", queue: -1).code } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == Array(repeating: 0, count: 64))
        }
    }

    /// The table cannot be written, but messages can: they are answered, and the table is tried again.
    @Test func aTableThatCannotBeWrittenHoldsUpNobody() async throws {
        try await withPeer({ $0.persistOffsetsMilliseconds = 100 }) { peer in
            _ = try await peer.send("First", "x")
            let obstacle = peer.configDirectory + "/topics.json.tmp"
            try FileSystem.makeDirectories(obstacle)
            let sent = try await peer.send("Second", "x")
            #expect(sent.responseCode == .success)
            #expect(try !peer.file("topics.json").contains("\"Second\""))
            try FileSystem.removeTree(obstacle)
            try await eventually("the table is written") { try peer.file("topics.json").contains("\"Second\"") }
        }
    }
}
