import RMQCommon
import RMQTestSupport
import Testing

/// Tables of the vocabulary, with two names that look alike.
@Suite(.takesTurns) struct LookAlikeTests {
    let first = "\u{304C}", second = "\u{304B}\u{3099}"

    @Test func propertiesAreNamedByBytes() {
        var properties: MessageProperties = ["KEYS": "k", "\u{212A}EYS": "other"]
        #expect(properties.count == 2)
        #expect(properties["KEYS"] == "k")
        properties["\u{212A}EYS"] = nil
        #expect(properties["KEYS"] == "k")
        #expect(properties != ["\u{212A}EYS": "k"])
        #expect(Message(topic: first, body: []) != Message(topic: second, body: []))
    }

    @Test func manyPropertiesAreNamedByBytes() {
        let text = (0 ..< 40).map { "n\($0)\u{1}v" }.joined(separator: "\u{2}") + "\u{2}\(first)\u{1}1\u{2}\(second)\u{1}2"
        let properties = MessageProperties(decoding: Array(text.utf8))
        #expect(properties.count == 42)
        #expect(properties[first] == "1")
        #expect(properties[second] == "2")
    }

    @Test func aKeyBehindACombiningMarkIsAKey() {
        #expect(Message(topic: "T", body: [], properties: ["KEYS": "a \u{301}b"]).keys.map { ByteText($0) } == ["a", "\u{301}b"])
    }

    @Test func queuesAreTopicAndBrokerByBytes() {
        let queues = [first, second].flatMap { name in
            [MessageQueue(topic: name, brokerName: "b", queueId: 0), MessageQueue(topic: "T", brokerName: name, queueId: 0)]
        }
        #expect(Set(queues).count == 4)
        #expect(queues[0] < queues[2] || queues[2] < queues[0])
    }

    @Test func configurationsOfTwoNamesDiffer() {
        #expect(TopicConfig(topicName: first) != TopicConfig(topicName: second))
        #expect(SubscriptionGroupConfig(groupName: first) != SubscriptionGroupConfig(groupName: second))
        #expect(Set([TopicConfig(topicName: first), TopicConfig(topicName: second)]).count == 2)
    }

    @Test func aLineOfATopicIsCutAtBlanks() {
        #expect(TopicConfig(line: "\u{301} 1 1 6 SINGLE_TAG")?.topicName.utf8.count == 2)
        #expect(TopicConfig(line: "T \u{301}1 1 6 SINGLE_TAG") == nil)
    }

    @Test func membersOfJSONAreNamedByBytes() throws {
        let object = try JSONValue(parsing: "{\"\u{212A}\":1,\"K\":2,\"\u{212A}ey\":3}").requireObject("it")
        #expect(object["K"]?.asInt64 == 2)
        #expect(object["\u{212A}"]?.asInt64 == 1)
        #expect(object["k"]?.asInt64 == 2, "letter case is that of ASCII")
        #expect(object["key"] == nil)
        #expect(JSONValue.string(first) != JSONValue.string(second))
        #expect(try JSONValue(parsing: "{\"a\":{\"\u{301}b\":1},\"c\":{\"$ref\":\"$.a.\u{301}b\"}}")["c"]?.asInt64 == 1)
    }

    @Test func configurationKeysAreBytes() {
        var configuration = Configuration(parsing: "K=1\n\u{212A}=2\n")
        #expect(configuration["K"] == "1")
        configuration["\u{212A}"] = nil
        #expect(configuration.pairs.map(\.key) == ["K"])
    }

    @Test func namespacesAreBytes() {
        #expect(Namespace.wrap(first, second + "%T") == first + "%" + second + "%T")
        #expect(Namespace.unwrap(first + "%T", from: second) == first + "%T")
        #expect(Namespace.unwrap("ns%\u{301}T", from: "ns") == "\u{301}T")
        #expect(RetryTopic.group(of: "%RETRY%\u{301}g") == "\u{301}g")
    }
}
