@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Topics, groups and the configuration, as administrators change them.
@Suite(.takesTurns) struct AdminTests {
    @Test func aTopicIsReplacedAsAWhole() async throws {
        try await withPeer { peer in
            let first = ["perm": "2", "topicFilterType": "MULTI_TAG", "topicSysFlag": "1", "order": "true"]
            _ = try await peer.createTopic("Changed", queues: 3, changing: first)
            let made = try #require(try await peer.topics["Changed"])
            #expect(made.readQueueCount == 3)
            #expect(made.permission.rawValue == 2)
            #expect(made.filterType == .multiTag)
            #expect(made.systemFlag == 1)
            #expect(!made.isOrdered, "only the name server's order configuration says so")
            // What a client of 4.4.0 leaves out.
            let least = ["topic": "Changed", "defaultTopic": "TBW102", "readQueueNums": "2", "writeQueueNums": "1", "perm": "6", "topicFilterType": "SINGLE_TAG"]
            #expect(try await peer.ask(.updateAndCreateTopic, least).code == 0)
            let changed = try #require(try await peer.topics["Changed"])
            #expect(changed.readQueueCount == 2)
            #expect(changed.writeQueueCount == 1)
            #expect(changed.systemFlag == 0)
            #expect(changed.filterType == .singleTag)
            #expect(try peer.file("topics.json").contains("\"Changed\""))
        }
    }

    @Test(arguments: [
        "TBW102", "SCHEDULE_TOPIC_XXXX", "rmq_sys_x", "DefaultCluster", "broker-a", "DefaultCluster_REPLY_TOPIC", "../x", "a b", "",
        String(repeating: "x", count: 128),
    ])
    func aTopicThatIsNoneOfTheirsIsRefused(topic: String) async throws {
        try await withPeer { peer in
            let before = try await peer.topics
            #expect(try await peer.createTopic(topic).responseCode == .systemError)
            #expect(try await peer.ask(.deleteTopicInBroker, ["topic": topic]).responseCode == .systemError)
            #expect(try await peer.topics == before)
        }
    }

    @Test func whatIsNotThereIsDeletedWithoutComplaint() async throws {
        try await withPeer { peer in
            let topic = try await peer.ask(.deleteTopicInBroker, ["topic": "Nowhere"])
            let group = try await peer.ask(.deleteSubscriptiongroup, ["groupName": "nobody"])
            #expect(topic.code == 0)
            #expect(group.code == 0)
        }
    }

    @Test func aDeletedTopicIsGoneAndComesBackEmpty() async throws {
        try await withPeer { peer in
            for _ in 0..<3 { _ = try await peer.send("Deleted", "x") }
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "Deleted", "queueId": "0", "commitOffset": "3"])
            #expect(try await peer.ask(.deleteTopicInBroker, ["topic": "Deleted"]).code == 0)
            #expect(try !peer.file("topics.json").contains("\"Deleted\""))
            #expect(try await peer.ask(.getTopicStatsInfo, ["topic": "Deleted"]).responseCode == .topicNotExist)
            #expect(try await peer.pull("Deleted", from: 0).responseCode == .topicNotExist)
            let sent = try await peer.send("Deleted", "new")
            #expect(sent.fields?["queueOffset"] == "0")
            // As at the reference the group's offset is still there, so that it is moved by the next pull.
            let moved = try await peer.pull("Deleted", from: 3)
            #expect(moved.responseCode == .pullOffsetMoved)
            #expect(moved.fields?["nextBeginOffset"] == "1")
        }
    }

    @Test func queuesOfNoTopicAreRemovedOnRequest() async throws {
        try await withPeer { peer in
            for topic in ["First", "Second", "Kept"] { _ = try await peer.send(topic, "x") }
            for topic in ["First", "Second"] { peer.broker.state.topics.remove(topic) }
            #expect(try await peer.ask(.cleanUnusedTopic).code == 0)
            #expect(!peer.broker.state.store.topics.contains("First") && !peer.broker.state.store.topics.contains("Second"))
            #expect(try await peer.pull("Kept", from: 0).code == 0)
            for topic in ["First", "Second"] { #expect(try await peer.send(topic, "new").fields?["queueOffset"] == "0") }
        }
    }

    @Test func groupsAreChangedReadAndDeletedWithTheirOffsets() async throws {
        try await withPeer { peer in
            let config = #"{"groupName":"g","consumeEnable":true,"retryMaxTimes":3,"retryQueueNums":2,"brokerId":0,"whichBrokerWhenConsumeSlowly":1}"#
            #expect(try await peer.changeGroup(config).code == 0)
            let group = try #require(try SubscriptionGroupTable(body: try await peer.ask(.getAllSubscriptiongroupConfig).body).groups["g"])
            #expect(group.retryMaxTimes == 3)
            #expect(group.retryQueueCount == 2)
            #expect(group.consumeBroadcastEnabled)
            #expect(group.notifiesConsumerIdsChanged)
            _ = try await peer.heartbeat("one")
            #expect(try await peer.topics["%RETRY%g"]?.writeQueueCount == 2)
            _ = try await peer.send("Kept", "x")
            func commit() async throws {
                _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "Kept", "queueId": "0", "commitOffset": "1"])
            }
            func offsets() async throws -> String { try await peer.ask(.getAllConsumerOffset).text }
            try await commit()
            // A client of 4.4.0 does not say what to do with the offsets: they stay.
            #expect(try await peer.ask(.deleteSubscriptiongroup, ["groupName": "g"]).code == 0)
            #expect(try await offsets() == #"{"offsetTable":{"Kept@g":{0:1}}}"#)
            #expect(try await peer.ask(.deleteSubscriptiongroup, ["groupName": "g", "removeOffset": "true"]).code == 0)
            #expect(try await offsets() == #"{"offsetTable":{}}"#)
            #expect(try peer.file("consumerOffset.json") == "{\n\t\"offsetTable\":{}\n}")
            try await commit()
            #expect(try await offsets() == #"{"offsetTable":{"Kept@g":{0:1}}}"#, "the group may begin anew")
            #expect(try await peer.changeGroup("{}").code != 0)
            #expect(try await peer.changeGroup(#"{"groupName":"../x"}"#).code == 0, "no file is named after a group")
        }
    }

    /// Members that pull by themselves subscribe to nothing.
    @Test(arguments: [true, false]) func theProgressOfAGroupIsShown(isOnline: Bool) async throws {
        try await withPeer { peer in
            for _ in 0..<5 { _ = try await peer.send("Progress", "x") }
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "Progress", "queueId": "0", "commitOffset": "3"])
            if isOnline { _ = try await peer.heartbeat("one") }
            for topic in ["", " ", "Progress"] {
                let stats = try ConsumeStats(body: try await peer.ask(.getConsumeStats, ["consumerGroup": "g", "topic": topic]).body)
                #expect(stats.queues.count == 4)
                let first = try #require(stats.queues[MessageQueue(topic: "Progress", brokerName: "broker-a", queueId: 0)])
                #expect(first.brokerOffset == 5)
                #expect(first.consumerOffset == 3)
                #expect(first.lastTimestamp > 0)
            }
            _ = try await peer.heartbeat("one", subscriptions: [SubscriptionData(topic: "Else", tagExpression: "*", version: 1)])
            let stats = try ConsumeStats(body: try await peer.ask(.getConsumeStats, ["consumerGroup": "g", "topic": "Progress"]).body)
            #expect(stats.queues.isEmpty, "members that subscribe to other topics do not consume this one")
        }
    }

    @Test func theConfigurationChangesInTheBrokerAndInItsFile() async throws {
        let file = "# ours\nbrokerName = broker-a\ntraceOn=true\n\n! the end\n"
        try await withPeer(configurationFile: file) { peer in
            #expect(try await peer.ask(.updateBrokerConfig, text: "traceOn=false\nlongPollingEnable=false\n").code == 0)
            #expect(try peer.configurationFile == "# ours\nbrokerName = broker-a\ntraceOn=false\n\n! the end\nlongPollingEnable=false\n")
            let shown = try await peer.ask(.getBrokerConfig)
            let lines = shown.text.split(separator: "\n")
            for line in ["traceOn=false", "brokerName=broker-a", "brokerRole=ASYNC_MASTER", "aclEnable=false", "flushDiskType=ASYNC_FLUSH"] {
                #expect(lines.contains { $0 == line }, "\(line)")
            }
            let version = try DataVersion(json: JSONValue(parsing: Array((shown.fields?["version"] ?? "").utf8)))
            #expect(version.counter == 1)
            #expect(try await peer.send("Traced", "x").fields?["TRACE_ON"] == "false")
            for refused in ["storePathRootDir=/tmp/x", "brokerName=other", "rocketmqHome=/", "configBlackList=", "brokerIP1=1.2.3.4", "traceOn=true\nnamesrvAddr=a:1"] {
                let answer = try await peer.ask(.updateBrokerConfig, text: refused)
                #expect(answer.responseCode == .noPermission, "\(refused)")
            }
            let bad = try await peer.ask(.updateBrokerConfig, text: "brokerPermission=9")
            #expect(bad.responseCode == .systemError)
            #expect(bad.remark?.contains("brokerPermission=9") == true)
            #expect(try await peer.ask(.updateBrokerConfig).code == 0)
            #expect(try await peer.send("Traced", "x").fields?["TRACE_ON"] == "false")
        }
    }

    @Test("Case 1.1: the file keeps its line ends and all that was not changed")
    func theFileKeepsItsForm() async throws {
        func file(_ autoCreate: String, _ traceOn: String, _ end: String) -> String {
            "autoCreateTopicEnable=\(autoCreate)\r\nlistenPort=10911\r\n# a comment\r\n  traceOn = \(traceOn)\r\nend=1\(end)"
        }
        try await withPeer(configurationFile: file("true", "true  ", "")) { peer in
            let changed = try await peer.ask(.updateBrokerConfig, text: "autoCreateTopicEnable=false")
            #expect(changed.code == 0)
            #expect(try peer.configurationFile == file("false", "true  ", ""))
            #expect(try await peer.ask(.updateBrokerConfig, text: "traceOn=false\\nbrokerName\\=x\n").code == 1)
            // What is written is the value in force, not the text that was sent.
            #expect(try await peer.ask(.updateBrokerConfig, text: "traceOn=FALSE \\n\nshortPollingTimeMills=+5").code == 0)
            #expect(try peer.configurationFile == file("false", "false", "\r\nshortPollingTimeMills=5\r\n"))
        }
    }

    @Test func aChangeThatDoesNotGetIntoTheFileSaysSo() async throws {
        try await withPeer(configurationFile: "a=1\n") { peer in
            let path = FileSystem.parent(peer.configDirectory) + "/broker.conf"
            try FileSystem.remove(path)
            let answer = try await peer.ask(.updateBrokerConfig, text: "brokerPermission=4")
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark?.hasPrefix("brokerPermission=4 is in force, but only until the broker stops") == true, "\(answer.remark ?? "")")
            #expect(answer.remark?.contains(path) == true)
            #expect(try await peer.ask(.getBrokerConfig).text.contains("brokerPermission=4\n"))
            #expect(!FileSystem.exists(path), "a file with one key would start another broker")
        }
    }

    @Test func twoChangesAtOnceAreBothInTheFile() async throws {
        try await withPeer(configurationFile: "") { peer in
            let keys = ["traceOn", "longPollingEnable", "autoCreateTopicEnable", "notifyConsumerIdsChangedEnable"]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for key in keys { group.addTask { _ = try await peer.ask(.updateBrokerConfig, text: key + "=false") } }
                try await group.waitForAll()
            }
            #expect(try peer.configurationFile.split(separator: "\n").sorted() == keys.map { Substring($0 + "=false") }.sorted())
        }
    }

    @Test func theConfigurationMayChangeWhileMessagesComeIn() async throws {
        try await withPeer({ $0.eventLoops = 2 }) { peer in
            let senders = (0..<4).map { number in
                let client = peer.anotherClient()
                return Task {
                    var codes: Set<Int32> = []
                    for _ in 0..<100 { codes.insert(try await peer.ask(.sendMessageV2, Peer.sendFields("Busy\(number)"), text: "x", from: client).code) }
                    return codes
                }
            }
            for number in 0..<20 {
                _ = try await peer.ask(.updateBrokerConfig, text: "traceOn=\(number % 2 == 0)")
                _ = try await peer.createTopic("Busy\(number % 4)", queues: 1 + number % 3)
            }
            for sender in senders { #expect(try await sender.value == [0]) }
            for number in 0..<4 {
                let end = try await peer.ask(.getMaxOffset, ["topic": "Busy\(number)", "queueId": "0"])
                #expect(end.fields?["offset"] == "100")
            }
        }
    }

    @Test func whatIsInForceButNotWrittenIsTold() async throws {
        try await withPeer { peer in
            let obstacles = ["topics.json.tmp", "subscriptionGroup.json.tmp"].map { peer.configDirectory + "/" + $0 }
            for obstacle in obstacles { try FileSystem.makeDirectories(obstacle) }
            let topic = try await peer.createTopic("Made")
            #expect(topic.responseCode == .systemError)
            #expect(topic.remark?.hasPrefix("topic[Made] is in force, but only until the broker stops: ") == true, "\(topic.remark ?? "")")
            #expect(try await peer.send("Made", "x").code == 0)
            let group = try await peer.changeGroup(#"{"groupName":"made"}"#)
            #expect(group.remark?.hasPrefix("group made is in force") == true, "\(group.remark ?? "")")
            for obstacle in obstacles { try FileSystem.removeTree(obstacle) }
            #expect(try await peer.createTopic("Made").code == 0)
            #expect(try peer.file("topics.json").contains("\"Made\""))
        }
    }

    /// It would be read on a loop, where others wait.
    @Test func aBodyTooLongForALoopIsRefused() async throws {
        try await withPeer { peer in
            let answer = try await peer.ask(.heartBeat, body: [UInt8](repeating: 0x20, count: 1 << 20 + 1))
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark?.contains("may have 1048576") == true, "\(answer.remark ?? "")")
        }
    }
}
