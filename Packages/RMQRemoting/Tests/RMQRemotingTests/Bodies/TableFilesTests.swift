import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// The tables of a broker as files: each entry is judged alone.
@Suite(.takesTurns) struct TableFilesTests {
    private func object(_ text: String) throws -> JSONObject { try JSONValue(parsing: text).requireObject("file") }

    /// Entries that one cannot use, each with what the log says.
    @Test func aBadTopicIsLeftOutAndTheOthersStay() throws {
        let file = try object(
            """
            {"dataVersion":{"counter":"x"},"topicConfigTable":{
              "good":{"topicName":"good","readQueueNums":3,"writeQueueNums":"3","perm":6},
              "bad":{"topicName":"bad","readQueueNums":"many"},
              "null":null, "list":[], "text":"x", "":{"topicName":""}, {"a":1}:{"topicName":"u"},
              "kind":{"topicName":"kind","topicFilterType":7},
              "unnamed":{}, "named":{"topicName":"otherwise","perm":4}
            }}
            """)
        var report = EntryReport()
        let table = try TopicConfigTable(file: file, &report)
        #expect(table.topics.keys.sorted() == ["good", "named", "unnamed"])
        #expect(table.topics["good"] == TopicConfig(topicName: "good", readQueueCount: 3, writeQueueCount: 3))
        #expect(table.topics["unnamed"] == TopicConfig(topicName: "unnamed"))
        #expect(table.topics["named"]?.topicName == "named")
        #expect(report.count == 9)
        #expect(report.lines.contains(
            #"entry "bad" is left out: JSON property readQueueNums is not a 32-bit integer, its value is {"topicName":"bad","readQueueNums":"many"}"#))
        #expect(report.lines.contains(
            #"entry "named" is corrected from "otherwise" to "named": topicName is the name of the entry"#))
        #expect(report.lines.contains(
            #"entry "dataVersion" is left out: JSON property counter is not a 64-bit integer, its value is {"counter":"x"}"#))
    }

    @Test func aBadGroupIsLeftOutAndTheOthersStay() throws {
        let file = try object(
            """
            {"forbiddenTable":{},"subscriptionGroupTable":{"good":{"groupName":"good","consumeEnable":"false"},"unnamed":{"retryMaxTimes":3},
            "bad":{"groupName":"bad","brokerId":[]},"worse":5}}
            """)
        var report = EntryReport()
        let table = try SubscriptionGroupTable(file: file, &report)
        #expect(table.groups == [
            "good": SubscriptionGroupConfig(groupName: "good", consumeEnabled: false),
            "unnamed": SubscriptionGroupConfig(groupName: "unnamed", retryMaxTimes: 3),
        ])
        #expect(report.count == 2)
    }

    @Test func badOffsetsAreLeftOutAndTheOthersStay() throws {
        let file = try object(
            """
            {"offsetTable":{"t@g":{0:5,"1":"6",2:7.5,3:-1,4:"x",-1:8,"y":9,5:null},"no pair":{0:1},"a@b@c":{0:1},"u@g":5,"v@g":[],"w@g":{}},
            "lmqOffsetTable":{"%LMQ%a@%LMQ%a":3,"%LMQ%b@%LMQ%b":-3,"%LMQ%c":3,"%LMQ%d@%LMQ%d":"x"}}
            """)
        var report = EntryReport()
        let table = try ConsumerOffsetTable(file: file, &report)
        #expect(table.offsets == ["t@g": [0: 5, 1: 6, 2: 7], "a@b@c": [0: 1]], "an @ may be in a group")
        #expect(table.lightOffsets == ["%LMQ%a@%LMQ%a": 3])
        #expect(report.count == 10)
        #expect(report.lines.contains(#"entry "t@g, queue 3" is left out: an offset is a number from 0 on, its value is -1"#))
        #expect(report.lines.contains(#"entry "no pair" is left out: its name is not topic@group, its value is {0:1}"#))
    }

    /// PHP writes an empty table as a list, and a member may be absent or null.
    @Test(arguments: ["{}", #"{"topicConfigTable":[],"subscriptionGroupTable":[],"offsetTable":[],"lmqOffsetTable":[],"dataVersion":[]}"#,
        #"{"topicConfigTable":null,"subscriptionGroupTable":null,"offsetTable":null,"lmqOffsetTable":null,"dataVersion":null}"#])
    func tablesOfNothingAreEmpty(text: String) throws {
        let file = try object(text)
        var report = EntryReport()
        #expect(try TopicConfigTable(file: file, &report).topics.isEmpty)
        #expect(try SubscriptionGroupTable(file: file, &report).groups.isEmpty)
        #expect(try ConsumerOffsetTable(file: file, &report).offsets.isEmpty)
        #expect(report.count == 0)
    }

    @Test func aTableOfAnotherKindIsAnError() throws {
        var report = EntryReport()
        #expect(throws: JSONError.self) { try TopicConfigTable(file: object(#"{"topicConfigTable":5}"#), &report) }
        #expect(throws: JSONError.self) { try SubscriptionGroupTable(file: object(#"{"subscriptionGroupTable":"x"}"#), &report) }
        #expect(throws: JSONError.self) { try ConsumerOffsetTable(file: object(#"{"offsetTable":[1]}"#), &report) }
    }
}
