import Foundation
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct BrokerTests {
    @Test func whatWasSentIsPulled() async throws {
        try await withPeer { peer in
            let sent = try await peer.send("Plain", "hello", properties: "TAGS\u{1}a\u{2}KEYS\u{1}k\u{2}WAIT\u{1}true")
            #expect(sent.code == 0)
            #expect(sent.fields?["queueOffset"] == "0")
            #expect(sent.fields?["MSG_REGION"] == "DefaultRegion")
            let pulled = try await peer.pull("Plain", from: 0)
            #expect(pulled.code == 0)
            #expect(pulled.fields?["nextBeginOffset"] == "1")
            let message = try #require(try MessageRecord.decodeAll(pulled.body, decompressing: true).first)
            #expect(message.body == Array("hello".utf8))
            #expect(message.tags == "a")
            #expect(message.properties["WAIT"] == nil)
            #expect(message.properties["CLUSTER"] == "DefaultCluster")
            #expect(message.offsetMessageId == sent.fields?["msgId"])
        }
    }

    @Test func aPullWaitsForTheMessageThatItWants() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Waiting", "first", properties: "TAGS\u{1}other")
            async let held = peer.pull("Waiting", from: 1, tags: "wanted", holdingMilliseconds: 15_000)
            // Whether this one is stored before or after the pull is parked, it may not end the wait.
            _ = try await peer.send("Waiting", "second", properties: "TAGS\u{1}other")
            _ = try await peer.send("Waiting", "third", properties: "TAGS\u{1}wanted")
            var pulled = try await held
            while pulled.code == ResponseCode.pullRetryImmediately.rawValue {
                let next = try #require(pulled.fields?["nextBeginOffset"].flatMap { Int64($0) })
                pulled = try await peer.pull("Waiting", from: next, tags: "wanted", holdingMilliseconds: 15_000)
            }
            #expect(try MessageRecord.decodeAll(pulled.body, decompressing: true).map(\.body) == [Array("third".utf8)])
        }
    }

    @Test func aHeldPullIsAnsweredWhenItsTimeIsOver() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Silent", "only one")
            let began = ContinuousClock.now
            let pulled = try await peer.pull("Silent", from: 1, holdingMilliseconds: 300)
            #expect(pulled.code == ResponseCode.pullNotFound.rawValue)
            #expect(ContinuousClock.now - began >= .milliseconds(250))
        }
    }

    @Test(arguments: FlushPolicy.allCases) func aDelayedMessageArrivesAfterItsTime(flush: FlushPolicy) async throws {
        try await withPeer({ $0.store.flush = flush }) { peer in
            async let held = peer.pull("Later", from: 0, holdingMilliseconds: 15_000)
            let sent = try await peer.send("Later", "hello", properties: "TAGS\u{1}a\u{2}DELAY\u{1}1\u{2}KEYS\u{1}k")
            #expect(sent.code == 0)
            #expect(sent.fields?["queueId"] == "0")
            #expect(sent.fields?["queueOffset"] == "0")
            var pulled = try await held
            // The topic may not have existed when the pull came.
            try await eventually("the message") {
                if pulled.code != 0 { pulled = try await peer.pull("Later", from: 0, holdingMilliseconds: 15_000) }
                return pulled.code == 0
            }
            let message = try #require(try MessageRecord.decodeAll(pulled.body, decompressing: true).first)
            #expect(message.topic == "Later")
            #expect(message.body == Array("hello".utf8))
            #expect(message.tags == "a")
            #expect(message.properties["KEYS"] == "k")
            let waiting = try await peer.ask(.viewMessageById, ["offset": "0"])
            let scheduled = try #require(try MessageRecord.decodeAll(waiting.body, decompressing: true).first)
            #expect(scheduled.topic == "SCHEDULE_TOPIC_XXXX")
            #expect(scheduled.queueId == 0)
            #expect(message.storeTimestamp >= scheduled.storeTimestamp + 1_000)
            let info = try KeyValueTable(body: try await peer.ask(.getBrokerRuntimeInfo).body)
            #expect(info.table["scheduleMessageOffset_1"] == "1,1")
            let offsets = try JSONValue(parsing: try await peer.ask(.getAllDelayOffset).body).requireObject("delay offsets")
            #expect(String(decoding: try #require(offsets["offsetTable"]).bytes(.fastjson), as: UTF8.self) == "{1:1}")
            // Slaves of ours keep what the offsets count, and what they do not, apart by it.
            #expect(offsets["logOffset"]?.asInt64 == peer.broker.state.store.maxPhysicalOffset)
        }
    }

    @Test func aBatchCannotBeDelayed() async throws {
        try await withPeer { peer in
            let fields = [
                "a": "p", "b": "Batch", "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0", "i": "DELAY\u{1}2", "j": "0", "k": "false",
                "m": "true",
            ]
            let body = try BatchBody.encode([Message(topic: "Batch", text: "x")])
            let answer = try await peer.ask(.sendBatchMessage, fields, body: body)
            #expect(answer.code == ResponseCode.messageIllegal.rawValue)
            #expect(answer.remark?.contains("DELAY=2") == true)
        }
    }

    @Test(arguments: ["../..", "a/b", "", "with blank", String(repeating: "x", count: 128), "SCHEDULE_TOPIC_XXXX"])
    func aTopicThatMayNotBeSentToIsRefused(topic: String) async throws {
        try await withPeer { peer in
            let answer1 = try await peer.send(topic, "x")
            #expect(answer1.code != 0)
        }
    }

    @Test func aPullOutsideTheQueueLeavesAnEvent() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Short", "only one")
            async let held = peer.pull("OFFSET_MOVED_EVENT", from: 0, holdingMilliseconds: 15_000)
            let pulled = try await peer.pull("Short", from: 99)
            #expect(pulled.code == ResponseCode.pullOffsetMoved.rawValue)
            #expect(pulled.fields?["nextBeginOffset"] == "1")
            let event = try #require(try MessageRecord.decodeAll(try await held.body, decompressing: true).first)
            #expect(event.tags == "g")
            #expect(event.keys == ["g"])
            #expect(event.text == #"{"consumerGroup":"g","messageQueue":{"brokerName":"broker-a","queueId":0,"topic":"Short"},"offsetNew":1,"offsetRequest":99}"#)
        }
    }

    @Test func aBrokerThatCannotListenClosesItsStore() throws {
        let peer = try Peer()
        defer { peer.stop() }
        let folder = try TemporaryFolder()
        var configuration = BrokerConfiguration()
        configuration.listener.port = peer.broker.port
        configuration.store.rootDirectory = folder.path
        configuration.store.segmentBytes = 16 << 20
        let quiet = Logger(category: "test", level: .error, sink: DiscardSink())
        let broker = try Broker(configuration: configuration, logger: quiet)
        #expect(throws: BrokerError.self) { try broker.start() }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/abort"))
        // The directory is free again.
        configuration.listener.port = 0
        let second = try Broker(configuration: configuration, logger: quiet)
        try second.start()
        second.stop()
        withExtendedLifetime(broker) {}
    }

    @Test func aMessageEntersFurtherQueues() async throws {
        let peer = try Peer { configuration in
            configuration.store.dispatchesToSeveral = true
            configuration.store.lightQueues = true
            configuration.store.maxLightQueues = 2
        }
        defer { peer.stop() }
        async let held = peer.pull("%LMQ%one", from: 0, holdingMilliseconds: 15_000)
        let sent = try await peer.send("Several", "hello", properties: "INNER_MULTI_DISPATCH\u{1}%LMQ%one,%LMQ%two")
        #expect(sent.code == 0)
        for pulled in [try await held, try await peer.pull("%LMQ%two", from: 0), try await peer.pull("Several", from: 0)] {
            let message = try #require(try MessageRecord.decodeAll(pulled.body, decompressing: true).first)
            #expect(message.topic == "Several")
            #expect(message.text == "hello")
            #expect(message.properties["INNER_MULTI_QUEUE_OFFSET"] == "0,0")
        }
        let refused = try await peer.send("Several", "too many", properties: "INNER_MULTI_DISPATCH\u{1}%LMQ%three")
        #expect(refused.code == ResponseCode.systemError.rawValue)
        #expect(refused.remark?.contains("maxLmqConsumeQueueNum") == true)
        let table = String(decoding: try await peer.ask(.getAllTopicConfig).body, as: UTF8.self)
        #expect(!table.contains("LMQ"))
        let cleaned = try await peer.ask(.cleanUnusedTopic)
        #expect(cleaned.code == 0)
        let still = try await peer.pull("%LMQ%two", from: 0)
        #expect(still.code == 0)
    }

    @Test func messagesAreFoundByTheirKeys() async throws {
        try await withPeer { peer in
            for number in 0..<40 { _ = try await peer.send("Keyed", "m\(number)", properties: "KEYS\u{1}all k\(number)\u{2}UNIQ_KEY\u{1}ID\(number % 20)") }
            func find(_ key: String, count: Int = 64, from begin: Int64 = 0, isUniqueId: Bool = false) async throws -> RemotingCommand {
                try await peer.ask(.queryMessage, [
                    "topic": "Keyed", "key": key, "maxNum": "\(count)", "beginTimestamp": "\(begin)", "endTimestamp": "\(Int64.max)",
                    "_UNIQUE_KEY_QUERY": "\(isUniqueId)",
                ])
            }
            // The index follows a moment later.
            var last = try await find("k39")
            try await eventually("the last message is indexed") {
                if last.code != 0 { last = try await find("k39") }
                return last.code == 0
            }
            let message = try #require(try MessageRecord.decodeAll(last.body, decompressing: true).first)
            #expect(message.body == Array("m39".utf8))
            #expect(last.fields?["indexLastUpdatePhyoffset"] == "\(message.physicalOffset)")
            #expect(last.fields?["indexLastUpdateTimestamp"] == "\(message.storeTimestamp)")
            func bodies(_ answer: RemotingCommand) throws -> [String] {
                try MessageRecord.decodeAll(answer.body, decompressing: true).map { String(decoding: $0.body, as: UTF8.self) }
            }
            let three = try await find("all", count: 3)
            #expect(try bodies(three) == ["m37", "m38", "m39"])
            let unique = try await find("ID7", count: 1, isUniqueId: true)
            #expect(try bodies(unique) == ["m7", "m27"], "a query by unique id has a limit of its own")
            let none = try await find("k40")
            #expect(none.code == ResponseCode.queryNotFound.rawValue)
            #expect(none.body.isEmpty)
            #expect(none.fields?["indexLastUpdateTimestamp"] != nil)
            let later = try await find("k39", from: message.storeTimestamp + 1)
            #expect(later.code == ResponseCode.queryNotFound.rawValue)
            let incomplete = try await peer.ask(.queryMessage, ["topic": "Keyed"])
            #expect(incomplete.code == ResponseCode.systemError.rawValue)
        }
    }

    @Test func anUnknownCodeIsAnsweredAsSuch() async throws {
        try await withPeer { peer in
            let answer2 = try await peer.ask(RequestCode(rawValue: 9999))
            #expect(answer2.code == ResponseCode.requestCodeNotSupported.rawValue)
        }
    }

    @Test func offsetsAreKept() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Progress", "x")
            let queue = ["consumerGroup": "g", "topic": "Progress", "queueId": "0"]
            let answer3 = try await peer.ask(.updateConsumerOffset, queue.merging(["commitOffset": "1"]) { $1 })
            #expect(answer3.code == 0)
            let answer4 = try await peer.ask(.queryConsumerOffset, queue)
            #expect(answer4.fields?["offset"] == "1")
        }
    }

    @Test func theStoreIsCleanedOnRequest() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Kept", "x")
            for code in [RequestCode.deleteExpiredCommitlog, .cleanExpiredConsumequeue, .cleanUnusedTopic] {
                let answer = try await peer.ask(code)
                #expect(answer.code == 0)
            }
            let pulled = try await peer.pull("Kept", from: 0)
            #expect(pulled.code == 0)
        }
    }

    @Test func theRuntimeInformationHasTheReferencesKeys() async throws {
        try await withPeer { peer in
            for _ in 0..<3 { _ = try await peer.send("Counted", "x") }
            _ = try await peer.pull("Counted", from: 0)
            let answer = try await peer.ask(.getBrokerRuntimeInfo)
            let table = try KeyValueTable(body: answer.body).table
            let expected = """
                EndTransactionQueueSize EndTransactionThreadPoolQueueCapacity bootTimestamp brokerVersion brokerVersionDesc
                commitLogDirCapacity commitLogDiskRatio commitLogMaxOffset commitLogMinOffset consumeQueueDiskRatio dispatchBehindBytes
                dispatchMaxBuffer earliestMessageTimeStamp getFoundTps getMessageEntireTimeMax getMissTps getTotalTps getTransferedTps
                msgGetTotalTodayMorning msgGetTotalTodayNow msgGetTotalYesterdayMorning msgPutTotalTodayMorning msgPutTotalTodayNow
                msgPutTotalYesterdayMorning pageCacheLockTimeMills pullThreadPoolQueueCapacity pullThreadPoolQueueHeadWaitTimeMills
                pullThreadPoolQueueSize putLatency99 putLatency999 putMessageAverageSize putMessageDistributeTime putMessageEntireTimeMax
                putMessageFailedTimes putMessageSizeTotal putMessageTimesTotal putTps queryThreadPoolQueueCapacity
                queryThreadPoolQueueHeadWaitTimeMills queryThreadPoolQueueSize remainHowManyDataToFlush
                remainTransientStoreBufferNumbs runtime
                sendThreadPoolQueueCapacity sendThreadPoolQueueHeadWaitTimeMills sendThreadPoolQueueSize startAcceptSendRequestTimeStamp
                """.split(whereSeparator: \.isWhitespace).map(String.init)
            #expect(Set(texts: expected).subtracting(table.keys) == [])
            #expect(table.keys.contains { $0.text.hasPrefix("commitLogDiskRatio_/") })
            #expect(table["msgPutTotalTodayNow"] == "3")
            #expect(table["msgGetTotalTodayNow"] == "3")
            #expect(table["putMessageDistributeTime"] == "null")
            // Before the first sample, or, when other tests take long, after it.
            #expect(table["getTotalTps"]?.split(separator: " ").count == 3)
            #expect(table["putTps"] == "  " || table["putTps"]?.split(separator: " ").isEmpty == false)
        }
    }

    @Test func oneMemberHoldsAQueueLock() async throws {
        try await withPeer { peer in
            func lock(_ client: String) async throws -> String {
                let body = #"{"clientId":"\#(client)","consumerGroup":"g","mqSet":[{"brokerName":"broker-a","queueId":0,"topic":"T"}]}"#
                return String(decoding: try await peer.ask(.lockBatchMq, body: Array(body.utf8)).body, as: UTF8.self)
            }
            let first = try await lock("first")
            #expect(first.contains("\"queueId\":0"))
            let answer5 = try await lock("second")
            #expect(answer5 == #"{"lockOKMQSet":[]}"#)
        }
    }

    @Test func topicsAreCreatedAndDeleted() async throws {
        try await withPeer { peer in
            let create = [
                "topic": "Made", "defaultTopic": "TBW102", "readQueueNums": "2", "writeQueueNums": "2", "perm": "6",
                "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
            ]
            let answer6 = try await peer.ask(.updateAndCreateTopic, create)
            #expect(answer6.code == 0)
            let answer7 = try await peer.send("Made", "x", queue: 1)
            #expect(answer7.code == 0)
            let answer8 = try await peer.send("Made", "x", queue: 2)
            #expect(answer8.code == ResponseCode.systemError.rawValue)
            let answer9 = try await peer.ask(.deleteTopicInBroker, ["topic": "Made"])
            #expect(answer9.code == 0)
            let table = try TopicConfigTable(body: try await peer.ask(.getAllTopicConfig).body)
            #expect(!"\(table)".contains("\"Made\""))
            let answer10 = try await peer.ask(.deleteTopicInBroker, ["topic": "SCHEDULE_TOPIC_XXXX"])
            #expect(answer10.code != 0)
        }
    }

    @Test func underSynchronousFlushAnswersAreTrue() async throws {
        try await withPeer({ $0.store.flush = .synchronous }) { peer in
            async let held = peer.pull("Safe", from: 0, holdingMilliseconds: 15_000)
            let first = try await peer.send("Safe", "0")
            #expect(first.code == 0)
            #expect(first.fields?["queueOffset"] == "0")
            #expect(first.fields?["msgId"]?.count == 32)
            // What is answered can be read at once.
            let pulled = try await peer.pull("Safe", from: 0)
            #expect(pulled.code == 0)
            #expect(pulled.fields?["maxOffset"] == "1")
            var woken = try await held
            // The topic may not have existed yet.
            if woken.code != 0 { woken = try await peer.pull("Safe", from: 0, holdingMilliseconds: 15_000) }
            #expect(try MessageRecord.decodeAll(woken.body, decompressing: true).map(\.body) == [Array("0".utf8)])

            async let next = peer.pull("Safe", from: 1, holdingMilliseconds: 15_000)
            let unconfirmed = try await peer.send("Safe", "1", properties: "WAIT\u{1}false")
            #expect(unconfirmed.code == 0)
            #expect(try MessageRecord.decodeAll(try await next.body, decompressing: true).map(\.body) == [Array("1".utf8)])

            let codes = try await withThrowingTaskGroup(of: Int32.self) { group in
                for index in 2..<100 { group.addTask { try await peer.send("Safe", "\(index)").code } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes == Array(repeating: 0, count: 98))
            let end = try await peer.ask(.getMaxOffset, ["topic": "Safe", "queueId": "0"])
            #expect(end.fields?["offset"] == "100")
        }
    }
}
