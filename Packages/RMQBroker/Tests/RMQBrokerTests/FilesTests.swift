import Foundation
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// topics.json, subscriptionGroup.json and consumerOffset.json: their form, and what a start makes of them.
@Suite(.takesTurns) struct FilesTests {
    /// A listener that each write wraps in another layer ends in a stack overflow.
    @Test func theListenerIsCalledAsDirectlyLaterAsAtFirst() throws {
        let folder = try TemporaryFolder()
        let topics = TopicTable(configuration: BrokerConfiguration(), clock: .system)
        let files = ConfigurationFiles(
            directory: folder.path, topics: topics, groups: GroupTable(clock: .system), offsets: ConsumerOffsets(),
            filters: ConsumerFilterTable(BrokerConfiguration(), logger: quiet, clocks: .system), hasLightQueues: false,
            workers: WorkerPool(name: "files", threadLimit: 1, queueLimit: 1), logger: quiet)
        let depths = Mutex<[Int]>([])
        files.setTopicsSavedListener { depths.withLock { $0.append(Thread.callStackReturnAddresses.count) } }
        for number in 0..<100 {
            _ = topics.add(TopicConfig(topicName: "T\(number)"))
            files.write(.topics)
        }
        let seen = depths.withLock { $0 }
        let least = try #require(seen.min()), most = try #require(seen.max())
        #expect(seen.count == 100, "a call goes through as many functions as any other")
        #expect(most - least < 20, "a call goes through as many functions as any other")
    }

    @Test func theTablesHaveTheReferencesForm() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("orders", queues: 4)
            _ = try await peer.changeGroup(#"{"groupName":"g-orders"}"#)
            for queue in 0..<4 {
                let fields = ["consumerGroup": "g-orders", "topic": "orders", "queueId": "\(queue)", "commitOffset": "3"]
                _ = try await peer.ask(.updateConsumerOffset, fields)
            }
            peer.broker.stop()
            let topics = try peer.file("topics.json")
            #expect(topics.hasPrefix("{\n\t\"dataVersion\":{\n\t\t\"counter\":1,\n\t\t\"timestamp\":"))
            #expect(topics.contains("""
                \t\t"orders":{
                \t\t\t"order":false,
                \t\t\t"perm":6,
                \t\t\t"readQueueNums":4,
                \t\t\t"topicFilterType":"SINGLE_TAG",
                \t\t\t"topicName":"orders",
                \t\t\t"topicSysFlag":0,
                \t\t\t"writeQueueNums":4
                \t\t}
                """))
            #expect(topics.hasSuffix("\t\t}\n\t}\n}"))
            #expect(try peer.file("subscriptionGroup.json").contains("""
                \t\t"g-orders":{
                \t\t\t"brokerId":0,
                \t\t\t"consumeBroadcastEnable":true,
                \t\t\t"consumeEnable":true,
                \t\t\t"consumeFromMinEnable":true,
                \t\t\t"groupName":"g-orders",
                \t\t\t"notifyConsumerIdsChangedEnable":true,
                \t\t\t"retryMaxTimes":16,
                \t\t\t"retryQueueNums":1,
                \t\t\t"whichBrokerWhenConsumeSlowly":1
                \t\t}
                """))
            #expect(try peer.file("consumerOffset.json") == """
                {
                \t"offsetTable":{
                \t\t"orders@g-orders":{0:3,1:3,2:3,3:3
                \t\t}
                \t}
                }
                """)
        }
    }

    @Test func whatWasWrittenIsThereAfterARestart() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Kept", "x")
            _ = try await peer.changeGroup(#"{"groupName":"g","retryMaxTimes":5}"#)
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "Kept", "queueId": "0", "commitOffset": "1"])
            let before = try TopicConfigTable(body: try await peer.ask(.getAllTopicConfig).body)
            try peer.restart()
            let after = try TopicConfigTable(body: try await peer.ask(.getAllTopicConfig).body)
            #expect(after.topics == before.topics)
            #expect(after.dataVersion == before.dataVersion)
            let groups = try SubscriptionGroupTable(body: try await peer.ask(.getAllSubscriptiongroupConfig).body).groups
            #expect(groups["g"]?.retryMaxTimes == 5)
            #expect(try await peer.ask(.getAllConsumerOffset).text == #"{"offsetTable":{"Kept@g":{0:1}}}"#)
            #expect(try await peer.pull("Kept", from: 0).messages.map(\.text) == ["x"])
        }
    }

    /// As the reference writes them, keys without quotes, unknown fields and all.
    @Test func theReferencesTablesAreRead() async throws {
        let topics = """
            {
            \t"dataVersion":{
            \t\t"counter":41,
            \t\t"timestamp":1700000000000
            \t},
            \t"topicConfigTable":{
            \t\t"TBW102":{
            \t\t\t"order":false,
            \t\t\t"perm":7,
            \t\t\t"readQueueNums":5,
            \t\t\t"topicFilterType":"SINGLE_TAG",
            \t\t\t"topicName":"TBW102",
            \t\t\t"topicSysFlag":0,
            \t\t\t"writeQueueNums":5
            \t\t},
            \t\t"orders":{"perm":6,"readQueueNums":3,"topicName":"orders","writeQueueNums":3,"attributes":{"x":1}}
            \t}
            }
            """
        let offsets = "{\n\t\"offsetTable\":{\n\t\t\"orders@g\":{0:7,2:9\n\t\t},\n\t\t\"no pair\":{0:1\n\t\t}\n\t}\n}"
        let files = ["topics.json": topics, "consumerOffset.json": offsets]
        try await withPeer(files: files, { $0.autoCreateTopic = true }) { peer in
            let table = try TopicConfigTable(body: try await peer.ask(.getAllTopicConfig).body)
            #expect(table.dataVersion == DataVersion(timestamp: 1_700_000_000_000, counter: 41))
            #expect(table.topics["orders"]?.readQueueCount == 3)
            #expect(table.topics["BenchmarkTest"]?.readQueueCount == 1_024)
            _ = try await peer.send("New", "x", changing: ["d": "16"])
            #expect(try await peer.topics["New"]?.writeQueueCount == 5, "the file's template wins over the built-in one")
            let answer = try await peer.ask(.queryConsumerOffset, ["consumerGroup": "g", "topic": "orders", "queueId": "2"])
            #expect(answer.fields?["offset"] == "9")
        }
    }

    @Test("Case 2.5: marks, NULs and comments in the files are passed over", arguments: [
        ("\u{FEFF}", ""), ("", "\u{0}\u{0}"), ("/* by hand */ ", ""), ("// by hand\n", " // end"), ("\r\n\t", "\u{1A}"),
    ]) func whatStandsAroundATableIsPassedOver(before: String, behind: String) async throws {
        let files = [
            "topics.json": #"{"topicConfigTable":{/* one */"T":{"topicName":"T","readQueueNums":3,"writeQueueNums":3}}}"#,
            "subscriptionGroup.json": #"{"subscriptionGroupTable":{"g":{"groupName":"g","retryMaxTimes":5,}, // the last\n}}"#,
            "consumerOffset.json": #"{"offsetTable":{"T@g":{0:7}}}"#,
            "delayOffset.json": #"{"offsetTable":{}}"#,
        ]
        try await withPeer(files: files.mapValues { before + $0.replacing("\\n", with: "\n") + behind }) { peer in
            #expect(try await peer.topics["T"]?.readQueueCount == 3)
            let groups = try SubscriptionGroupTable(body: try await peer.ask(.getAllSubscriptiongroupConfig).body).groups
            #expect(groups["g"]?.retryMaxTimes == 5)
            #expect(try await peer.ask(.getAllConsumerOffset).text == #"{"offsetTable":{"T@g":{0:7}}}"#)
        }
    }

    @Test("Case 2.7: one bad entry does not condemn its file") func oneBadEntryDoesNotCondemnItsFile() throws {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.path + "/topics.json", with: #"{"topicConfigTable":{"T":{"topicName":"T"},"U":{"topicName":"U","perm":"rw"}}}"#)
        try SmallFile.replace(folder.path + "/subscriptionGroup.json", with: #"{"subscriptionGroupTable":{"g":{"groupName":"g"},"h":null}}"#)
        try SmallFile.replace(folder.path + "/consumerOffset.json", with: #"{"offsetTable":{"T@g":{0:7,1:"x"},"U":{0:1}}}"#)
        let sink = MemorySink()
        let topics = TopicTable(configuration: BrokerConfiguration(), clock: .system)
        let groups = GroupTable(clock: .system), offsets = ConsumerOffsets()
        try ConfigurationFiles(
            directory: folder.path, topics: topics, groups: groups, offsets: offsets,
            filters: ConsumerFilterTable(BrokerConfiguration(), logger: quiet, clocks: .system), hasLightQueues: false,
            workers: WorkerPool(name: "files", threadLimit: 1, queueLimit: 1), logger: Logger(category: "test", sink: sink)
        ).load()
        #expect(topics["T"] != nil)
        #expect(topics["U"] == nil)
        #expect(groups["g"] != nil)
        #expect(groups["h"] == nil)
        #expect(offsets.existing(group: "g", topic: "T")?.all == [0: 7])
        #expect(sink.messages == [
            #"\#(folder.path)/topics.json: entry "U" is left out: JSON property perm is not a 32-bit integer, its value is {"topicName":"U","perm":"rw"}"#,
            #"\#(folder.path)/subscriptionGroup.json: entry "h" is left out: an entry of subscriptionGroupTable is an object with a name, its value is null"#,
            #"\#(folder.path)/consumerOffset.json: entry "T@g, queue 1" is left out: an offset is a number from 0 on, its value is "x""#,
            #"\#(folder.path)/consumerOffset.json: entry "U" is left out: its name is not topic@group, its value is {0:1}"#,
        ])
    }

    @Test func aDamagedTableIsReadFromItsBackup() async throws {
        let good = #"{"dataVersion":{"counter":1,"timestamp":1},"topicConfigTable":{"saved":{"topicName":"saved","readQueueNums":1,"writeQueueNums":1,"perm":6}}}"#
        for damaged in ["", "{\"dataVersion\":{", "[]"] {
            try await withPeer(files: ["topics.json": damaged, "topics.json.bak": good]) { peer in
                let topics = try await peer.topics
                #expect(topics["saved"] != nil)
            }
        }
        let error = await #expect(throws: BrokerError.self) { try await withPeer(files: ["topics.json": "{"]) { _ in } }
        guard case .unreadableTable(let path, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path.hasSuffix("config/topics.json"))
    }

    @Test func offsetsAreWrittenFromTimeToTime() async throws {
        try await withPeer({ $0.persistOffsetsMilliseconds = 100 }) { peer in
            _ = try await peer.send("Kept", "x")
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "Kept", "queueId": "0", "commitOffset": "1"])
            try await eventually("the offset is written") { (try? peer.file("consumerOffset.json").contains("{0:1\n")) == true }
        }
    }

    @Test func offsetsThatCouldNotBeWrittenAreWrittenTheNextTime() async throws {
        try await withPeer({ $0.persistOffsetsMilliseconds = 3_600_000 }) { peer in
            _ = try await peer.send("Kept", "x")
            func commit(_ offset: Int) async throws {
                _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "Kept", "queueId": "0", "commitOffset": "\(offset)"])
            }
            let files = peer.broker.state.files
            try await commit(1)
            files.writeWhatIsDue()
            #expect(try peer.file("consumerOffset.json").contains("{0:1\n"))
            let obstacle = peer.configDirectory + "/consumerOffset.json.tmp"
            try FileSystem.makeDirectories(obstacle)
            try await commit(2)
            files.writeWhatIsDue()
            #expect(try peer.file("consumerOffset.json").contains("{0:1\n"))
            try FileSystem.removeTree(obstacle)
            files.writeWhatIsDue()
            #expect(try peer.file("consumerOffset.json").contains("{0:2\n"))
        }
    }

    @Test func afterTheStopNothingIsWritten() async throws {
        let peer = try Peer()
        defer { peer.stop() }
        _ = try await peer.send("Kept", "x")
        let old = peer.broker
        try peer.restart()
        _ = try await peer.send("Newer", "x")
        // A write that was asked for before the stop and comes late.
        old.state.files.write(.topics)
        #expect(try peer.file("topics.json").contains("\"Newer\""))
    }
}
