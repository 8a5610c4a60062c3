import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Headers and bodies with two names that look alike.
@Suite(.takesTurns) struct LookAlikeTests {
    let first = "\u{304C}", second = "\u{304B}\u{3099}"

    @Test func fieldsAreNamedByBytes() {
        var fields: HeaderFields = ["K": "1", "\u{212A}": "2"]
        #expect(fields["K"] == "1")
        #expect(fields["\u{212A}"] == "2")
        fields["\u{212A}"] = nil
        #expect(fields["K"] == "1")
        #expect(HeaderFields(dictionaryLiteral: ("a", first)) != HeaderFields(dictionaryLiteral: ("a", second)))
    }

    @Test("Case 1.2: a heartbeat states both forms of a tag") func tagsOfASubscriptionAreBytes() {
        let subscription = SubscriptionData(topic: "T", tagExpression: "\(first)||\(second)||\u{301}x", version: 1)
        #expect(subscription.tags.map { ByteText($0) } == [ByteText(first), ByteText(second), "\u{301}x"])
        #expect(subscription.tagCodes == [first, second, "\u{301}x"].map { JavaString.hash($0) })
    }

    @Test("Case 1.3: topics and offsets of a body") func tablesAreKeyedByBytes() throws {
        let topics = #"{"dataVersion":{"counter":1,"timestamp":1},"topicConfigTable":{"\#(first)":{"topicName":"\#(first)"},"\#(second)":{"topicName":"\#(second)"}}}"#
        #expect(try TopicConfigTable(body: Array(topics.utf8)).topics.count == 2)
        let offsets = #"{"offsetTable":{"T@\#(first)":{0:1},"T@\#(second)":{0:2}}}"#
        let table = try ConsumerOffsetTable(body: Array(offsets.utf8))
        #expect(table.offsets["T@" + second] == [0: 2])
        #expect(try ConsumerOffsetTable(body: table.body) == table)
    }

    @Test func aCompressedRegistrationKeepsBothTopics() throws {
        let table = TopicConfigTable(
            topics: [ByteText(first): TopicConfig(topicName: first), ByteText(second): TopicConfig(topicName: second)],
            dataVersion: DataVersion(timestamp: 1))
        let body = RegisterBrokerBody(topicConfigTable: table)
        #expect(try RegisterBrokerBody(compressed: body.compressed()).topicConfigTable.topics.count == 2)
    }

    @Test func brokersOfARouteDiffer() {
        let broker = BrokerData(cluster: "c", brokerName: "b", addresses: [0: first])
        #expect(broker != BrokerData(cluster: "c", brokerName: "b", addresses: [0: second]))
        #expect(broker != BrokerData(cluster: "c", brokerName: "b", addresses: [1: first]))
        #expect(TopicHeaderPair(first) != TopicHeaderPair(second))
    }

    private struct TopicHeaderPair: Equatable {
        let header: TopicHeader
        init(_ topic: String) { header = TopicHeader(topic: topic) }
    }

    @Test func namesOfEnumerationsAreExact() throws {
        #expect(LanguageCode(name: "\u{212A}") == nil)
        #expect(TopicFilterType(headerText: "SINGLE_TAG") == .singleTag)
        #expect(Bool(headerText: "TRUE") == true)
    }
}
