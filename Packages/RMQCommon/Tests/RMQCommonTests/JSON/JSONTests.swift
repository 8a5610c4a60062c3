import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct JSONTests {
    @Test(arguments: [
        "store-clean/config/topics.json", "store-clean/config/subscriptionGroup.json", "store-clean/config/consumerOffset.json", "store-clean/config/delayOffset.json",
        "store-clean/config/consumerFilter.json", "broadcast-offsets.json", "exportMetrics.metrics.json",
    ])
    func prettyFormEqualsTheFilesOfTheReference(name: String) throws {
        let bytes = try GoldenData.bytes(name)
        let value = try JSONValue(parsing: bytes)
        #expect(value.text(.pretty) == String(decoding: bytes, as: UTF8.self))
        #expect(try JSONValue(parsing: value.bytes(.fastjson)) == value)
    }

    @Test(arguments: [
        #"{"brokerAddrs":{0:"192.168.0.1:10911",1:"192.168.0.2:10911"},"brokerName":"broker-a"}"#,
        #"{"consumeTps":1.25,"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"TopicTest"}:{"brokerOffset":100}}}"#,
        #"{"a":[],"b":{},"c":null,"d":true,"e":-9223372036854775808,"f":0.0,"g":1.0E10,"h":"/ä\"\\\n\u0001\u0085\u2028"}"#,
    ])
    func compactFormIsThatOfTheReference(text: String) throws {
        #expect(try JSONValue(parsing: text).text(.fastjson) == text)
    }

    @Test func standardFormsQuoteEveryKey() throws {
        let value = try JSONValue(parsing: #"{"b":{10:"x/y",2:"ä😀"},"a":9007199254740993}"#)
        #expect(value.text(.standard) == #"{"b":{"10":"x/y","2":"ä😀"},"a":9007199254740993}"#)
        #expect(value.text(.browserCompatible) == #"{"a":"9007199254740993","b":{"2":"\u00E4\uD83D\uDE00","10":"x\/y"}}"#)
    }

    @Test func readingIsTolerant() throws {
        let value = try JSONValue(parsing: " { a : 'x\\'y' , \"PERM\":\"6\", 3:[1,2,], {\"t\" : 1} : true, \"s\":\"\\u00e4\\ud83d\\ude00\\ud83d\" ,} ")
        #expect(value["a"]?.asString == "x'y")
        #expect(value["perm"]?.asInt32 == 6)
        #expect(value["s"]?.asString == "ä😀\u{FFFD}")
        #expect(value.asObject?.members[2].key == .integer(3))
        #expect(value.asObject?.members[2].value == [1, 2])
        #expect(value.asObject?.members[3].key == ["t": 1])
        #expect(try JSONValue(parsing: "123456789012345678901234567890").asDouble == 1.2345678901234568e29)
        #expect(JSONValue.string("TRUE").asBool == true)
        #expect(JSONValue.integer(3_000_000_000).asInt32 == nil)
    }

    /// Each is what the reference's library reads, but for comments between a name and its colon, which it takes at some places.
    @Test("Case 2.5: what stands around and between values", arguments: [
        "\u{FEFF}{\"a\":1}", "\u{FEFF} \r\n{\"a\":1}", "{\"a\":1}\u{0}\u{0}", "{\"a\":1} \u{0}\n\u{1A}", "\u{0}{\"a\":1}", "{\"a\":1}\u{0B}\u{7F}", "{\"a\":\u{0}1\u{0}}",
        "/* x */{\"a\":1}", "// x\n{\"a\":1}", "{\"a\":1}// x", "{\"a\":1}/* x */", "{// x\n\"a\":1// y\r\n}", "{/**/\"a\"/* } */:/*,*/1/***/,/* x */}",
        "{a:1}", "{ 'a' : +1 ,}", "{\"a\":1L}", "{,\"a\":1,,}",
    ]) func whatStandsAroundAndBetweenValuesIsPassedOver(text: String) throws {
        #expect(try JSONValue(parsing: text) == ["a": 1])
    }

    @Test func aNumberBeyondAllDoublesIsANumberForNobody() throws {
        let value = try JSONValue(parsing: "{\"a\":1e999,\"b\":-1e999,\"c\":undefined,\"d\":NaN}")
        #expect(value["a"]?.asInt64 == nil)
        #expect(value["b"]?.asInt32 == nil)
        #expect(value["c"] == nil)
        #expect(value["d"] == nil)
    }

    @Test func referencesAreResolved() throws {
        let value = try JSONValue(parsing: #"{"a":{"b":[{"x":1},{"$ref":"$.a.b[0]"}]},"c":{"$ref":"$.a"}}"#)
        #expect(value["a"]?["b"] == [["x": 1], ["x": 1]])
        #expect(value["c"] == value["a"])
        #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"a":{"$ref":"$"}}"#) }
        let large = "[{\"x\":1}" + String(repeating: ",0", count: 150_000) + ",{\"$ref\":\"$[0]\"}]"
        #expect(try JSONValue(parsing: large).asArray?.last == ["x": 1])
        let bomb = (1 ... 30).reduce("{\"a0\":[1]") { $0 + ",\"a\($1)\":[{\"$ref\":\"$.a\($1 - 1)\"},{\"$ref\":\"$.a\($1 - 1)\"}]" } + "}"
        #expect(throws: JSONError.self) { try JSONValue(parsing: bomb) }
        #expect(try JSONValue(parsing: #"{"a":{"$ref":"$.b"}}"#) == ["a": nil])
    }

    @Test(arguments: [
        "", "{", "[1", "{\"a\"}", "{\"a\":}", "nul", "\"abc", "\"\\", "\"\\u12", "1 2", "-", "1-2", "{:1}", "[1 2]", "\u{0}", "{{}}",
        "/*", "//", "/* */", "{/}", "{\"a\":1 // x}", "{} /*", "{}\u{0}x", "{}{}", "\u{FEFF}\u{FEFF}{}", "{}\u{FEFF}", "{\u{FEFF}\"a\":1}",
        "{é:1}", "+", "[nan]", "[undefine]",
    ])
    func malformedTextIsAnError(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func nestingIsBounded() throws {
        _ = try JSONValue(parsing: String(repeating: "[", count: 64) + String(repeating: "]", count: 64))
        for open in ["[", "{\"a\":", "{"] {
            #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: open, count: 100_000)) }
        }
    }

    @Test func anyMutationOfADocumentIsReadOrRefused() throws {
        let original = try GoldenData.bytes("store-clean/config/consumerFilter.json")
        var generator = try SeededRandom.replayable(1)
        for _ in 0 ..< 5_000 {
            var bytes = original
            for _ in 0 ..< Int.random(in: 1 ... 4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0 ... 255, using: &generator)
            }
            if let value = try? JSONValue(parsing: bytes) {
                let text = value.text(.fastjson)
                #expect(try JSONValue(parsing: text).text(.fastjson) == text)
            }
        }
    }

    @Test(arguments: [
        (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (1.25, "1.25"), (1e10, "1.0E10"), (9_999_999.5, "9999999.5"), (1e7, "1.0E7"),
        (0.001, "0.001"), (0.0001, "1.0E-4"), (123456789.125, "1.23456789125E8"), (-337.5285714285714, "-337.5285714285714"),
        (1.7976931348623157e308, "1.7976931348623157E308"), (.infinity, "null"), (.nan, "null"), (100, "100.0"),
    ] as [(Double, String)])
    func doublesPrintAsInJava(number: Double, text: String) { #expect(JSONNumber.text(number) == text) }

    @Test func missingAndWrongMembersAreNamed() throws {
        let object = try JSONValue(parsing: #"{"a":"x","b":null}"#).requireObject("body")
        #expect(throws: JSONError.missing(property: "b")) { try object.string("b") }
        #expect(throws: JSONError.wrongType(property: "a", expected: "a 32-bit integer")) { try object.int32("a") }
        #expect(try object.int64("b", default: 7) == 7)
    }

    @Test func topicsAndGroupsRoundTrip() throws {
        let topics = try JSONValue(parsing: try GoldenData.bytes("store-clean/config/topics.json")).requireObject("topics")
        #expect(try DataVersion(json: topics.require("dataVersion")) == DataVersion(timestamp: 1_795_232_748_214, counter: 19))
        for (name, json) in try topics.object("topicConfigTable").members {
            let config = try TopicConfig(json: json)
            #expect(name == .string(config.topicName))
            #expect(config.json.text() == json.text())
            #expect(TopicConfig(line: config.line)?.readQueueCount == config.readQueueCount)
        }
        let groups = try JSONValue(parsing: try GoldenData.bytes("store-clean/config/subscriptionGroup.json")).requireObject("groups")
        for (_, json) in try groups.object("subscriptionGroupTable").members {
            #expect(try SubscriptionGroupConfig(json: json).json.text() == json.text())
        }
        #expect(try TopicConfig(json: ["topicName": "T"]) == TopicConfig(topicName: "T"))
        #expect(TopicConfig(line: "T 4 4 6") == nil)
    }

    @Test func queuesAreReadFromKeysOfBothForms() throws {
        let queue = MessageQueue(topic: "TopicTest", brokerName: "broker-a", queueId: 3)
        #expect(queue.json.text() == #"{"brokerName":"broker-a","queueId":3,"topic":"TopicTest"}"#)
        #expect(try MessageQueue(json: queue.json) == queue)
        #expect(try MessageQueue(json: .string(queue.json.text())) == queue)
    }
}

@Suite(.takesTurns) struct JSONBodyTests {
    struct Shelf: JSONBody {
        var width: Int32 = 80
        @ByteText var place = ""
        var books: [ByteText: [String]] = [:]
        var owner: String?

        mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("width", &width)
            try members.required("place", &place)
            try members.optional("books", &books)
            try members.optional("owner", &owner)
        }
    }

    @Test func membersAreWrittenInTheOrderOfTheirNames() {
        let shelf = Shelf {
            $0.place = "hall"
            $0.books = ["poems": ["b", "a"], "novels": []]
        }
        #expect(shelf.json.text(.fastjson) == #"{"books":{"novels":[],"poems":["b","a"]},"place":"hall","width":80}"#)
    }

    @Test func whatIsAbsentKeepsItsDefault() throws {
        let shelf = try Shelf(json: ["place": "hall", "width": nil])
        #expect(shelf == Shelf { $0.place = "hall" })
    }

    @Test func whatHasToBeThereIsMissed() {
        #expect(throws: JSONError.missing(property: "place")) { try Shelf(json: ["width": 1]) }
    }

    @Test func whatCannotBeReadIsNamed() {
        #expect(throws: JSONError.wrongType(property: "width", expected: "a 32-bit integer")) { try Shelf(json: ["place": "hall", "width": "wide"]) }
        #expect(throws: JSONError.wrongType(property: "Shelf", expected: "an object")) { try Shelf(json: 1) }
    }
}
