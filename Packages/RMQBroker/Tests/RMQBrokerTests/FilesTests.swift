import Foundation
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import Synchronization
import Testing

/// topics.json, subscriptionGroup.json and consumerOffset.json: their form, and what a start makes of them.
@Suite struct FilesTests {
    /// A listener that each write wraps in another layer ends in a stack overflow.
    @Test func theListenerIsCalledAsDirectlyLaterAsAtFirst() throws {
        let folder = try FileSystem.makeTemporaryDirectory(prefix: "rmq-files")
        defer { try? FileSystem.removeTree(folder) }
        let topics = TopicTable(configuration: BrokerConfiguration(), clock: .system)
        let files = ConfigurationFiles(
            directory: folder, topics: topics, groups: GroupTable(clock: .system), offsets: ConsumerOffsets(), hasLightQueues: false, logger: quiet)
        let depths = Mutex<[Int]>([])
        files.setTopicsSavedListener { depths.withLock { $0.append(Thread.callStackReturnAddresses.count) } }
        for number in 0..<100 {
            _ = topics.add(TopicConfig(topicName: "T\(number)"))
            files.write(.topics)
        }
        let seen = depths.withLock { $0 }
        let least = try #require(seen.min()), most = try #require(seen.max())
        #expect(seen.count == 100 && most - least < 20, "a call goes through as many functions as any other")
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
            #expect(after.topics == before.topics && after.dataVersion == before.dataVersion)
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
            #expect(table.topics["orders"]?.readQueueCount == 3 && table.topics["BenchmarkTest"]?.readQueueCount == 1_024)
            _ = try await peer.send("New", "x", changing: ["d": "16"])
            #expect(try await peer.topics["New"]?.writeQueueCount == 5, "the file's template wins over the built-in one")
            let answer = try await peer.ask(.queryConsumerOffset, ["consumerGroup": "g", "topic": "orders", "queueId": "2"])
            #expect(answer.fields?["offset"] == "9")
        }
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
