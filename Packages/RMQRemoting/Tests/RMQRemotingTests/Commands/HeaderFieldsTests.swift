import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct HeaderFieldsTests {
    @Test func missingFieldNamesHeaderAndField() {
        let command = RemotingCommand(code: 11, fields: ["consumerGroup": "cg"])
        let error = #expect(throws: HeaderError.self) { try command.header(PullMessageHeader.self) }
        #expect(error == HeaderError(header: "PullMessageHeader", field: "topic", problem: .missing))
        #expect(error?.description == "field topic of PullMessageHeader is missing")
    }

    @Test func commandWithoutFieldsHasNoneOfThem() {
        #expect(throws: HeaderError(header: "TopicHeader", field: "topic", problem: .missing)) {
            try RemotingCommand(.getTopicStatsInfo).header(TopicHeader.self)
        }
    }

    @Test func malformedNumberNamesTheValue() {
        let command = RemotingCommand(code: 33, fields: ["offset": "twelve"])
        let error = #expect(throws: HeaderError.self) { try command.header(ViewMessageHeader.self) }
        #expect(error?.description == "field offset of ViewMessageHeader is \"twelve\", not a 64-bit integer")
    }

    @Test func unknownTopicFilterTypeIsRefused() {
        let fields: HeaderFields = [
            "topic": "t", "readQueueNums": "4", "writeQueueNums": "4", "perm": "6", "topicFilterType": "TRIPLE_TAG",
        ]
        #expect(throws: HeaderError.self) { try CreateTopicHeader(fields) }
    }

    @Test(arguments: [("true", true), ("TRUE", true), ("True", true), ("false", false), ("yes", false), ("", false)])
    func truthValues(_ text: String, _ expected: Bool) throws {
        #expect(try (["b": text] as HeaderFields).required("b") == expected)
    }

    @Test func settingAndRemoving() {
        var fields: HeaderFields = ["a": "1"]
        fields["b"] = "2"
        fields["a"] = "3"
        #expect(fields == ["b": "2", "a": "3"])
        fields["a"] = nil
        #expect(fields.count == 1)
        #expect(fields["a"] == nil)
    }

    @Test func headerBeyond24BitsLosesItsFieldsNotItsFrame() throws {
        var command = RemotingCommand.response(.systemError, remark: String(repeating: "x", count: 1 << 24))
        command.opaque = 8
        let again = try RemotingCommand.decode(frame: Array(command.encoded().dropFirst(4)))
        #expect(again.responseCode == .systemError)
        #expect(again.opaque == 8)
        #expect(again.remark == nil)
    }
}

@Suite(.takesTurns) struct ProtocolVersionTests {
    static let known: [(String, Int32)] = [
        ("V3_0_0_SNAPSHOT", 0), ("V3_0_0_FINAL", 15), ("V3_0_7_SNAPSHOT", 28), ("V3_0_11", 37), ("V3_0_15", 45),
        ("V3_1_8_SNAPSHOT", 62), ("V3_4_9", 121), ("V3_5_8", 137), ("V4_0_0_SNAPSHOT", 212), ("V4_0_0", 213),
        ("V4_1_0", 233), ("V4_4_0", 293), ("V4_7_0", 353), ("V4_9_4", 401), ("V4_9_8", 409), ("V5_0_0", 413),
        ("V5_9_9", 611), ("HIGHER_VERSION", 612),
    ]

    @Test(arguments: known)
    func namesOfOrdinals(_ name: String, _ ordinal: Int32) {
        #expect(ProtocolVersion(ordinal: ordinal).description == name)
    }

    @Test func ordinalsOfReleases() {
        #expect(ProtocolVersion(major: 3, minor: 0, patch: 11)?.ordinal == 37)
        #expect(ProtocolVersion(major: 3, minor: 4, patch: 9)?.ordinal == 121)
        #expect(ProtocolVersion(major: 4, minor: 9, patch: 8) == .current)
        #expect(ProtocolVersion(major: 3, minor: 3, patch: 0) == nil)
        #expect(ProtocolVersion(major: 4, minor: 9, patch: 10) == nil)
        #expect(ProtocolVersion(ordinal: 1000) == .newerThanKnown)
    }
}

@Suite(.takesTurns) struct BodyTests {
    @Test func compressedRegistrationOfTheReference() throws {
        let packed = try #require(Hex.bytes(
            "78DA63606050AF564ACE2FCD2B492D52B232D5512AC9CC4D2D2E49CC2D50B232343740805A0606064620960AC92FC84C0E01AA5130"
                + "01423385604F3F771FD7F8104777A02C53742C0080C71458"))
        let body = try RegisterBrokerBody(compressed: packed)
        #expect(body.topicConfigTable.dataVersion.json == ["counter": 5, "timestamp": 1_700_000_000_000])
        #expect(body.topicConfigTable.topics["TopicTest"]?.readQueueCount == 4)
        #expect(body.filterServers.isEmpty)
        #expect(try RegisterBrokerBody(compressed: body.compressed()) == body)
    }

    @Test func brokenRegistrations() throws {
        #expect(throws: RegistrationError.self) { try RegisterBrokerBody(compressed: [1, 2, 3]) }
        let negative = try Zlib.compress([0xFF, 0xFF, 0xFF, 0xFF], level: 9)
        #expect(throws: RegistrationError.badLength(-1, available: 0)) { try RegisterBrokerBody(compressed: negative) }
        let manyTopics = try Zlib.compress([0, 0, 0, 2, 0x7B, 0x7D, 0x7F, 0xFF, 0xFF, 0xFF], level: 9)
        #expect(throws: RegistrationError.badLength(.max, available: 0)) {
            try RegisterBrokerBody(compressed: manyTopics)
        }
    }

    @Test func routeInBothForms() {
        let route = TopicRouteData(
            queues: [
                QueueData {
                    $0.brokerName = "broker-a"
                    $0.readQueueCount = 4
                    $0.writeQueueCount = 4
                    $0.permission = .readWrite
                }
            ],
            brokers: [
                BrokerData(
                    cluster: "DefaultCluster", brokerName: "broker-a",
                    addresses: [0: "192.168.0.1:10911", 1: "192.168.0.2:10911"])
            ])
        let old = #"{"brokerDatas":[{"brokerAddrs":{0:"192.168.0.1:10911",1:"192.168.0.2:10911"},"#
            + #""brokerName":"broker-a","cluster":"DefaultCluster"}],"filterServerTable":{},"queueDatas":"#
            + #"[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}"#
        #expect(String(decoding: route.body, as: UTF8.self) == old)
        let standard = old.replacing("{0:", with: #"{"0":"#).replacing(",1:", with: #","1":"#)
        #expect(route.json.text(.browserCompatible) == standard)
    }

    @Test func tagSubscription() {
        let some = SubscriptionData(topic: "TopicTest", tagExpression: "TagA || TagB|| ", version: 1)
        #expect(some.tags == ["TagA", "TagB"])
        #expect(some.tagCodes == [2_598_919, 2_598_920])
        for expression in [nil, "", "*"] as [String?] {
            let all = SubscriptionData(topic: "TopicTest", tagExpression: expression, version: 1)
            #expect(all.expression == "*")
            #expect(all.tags.isEmpty)
            #expect(all.takesAll)
        }
    }

    @Test func enumsByNumberAndUnknownNames() throws {
        let json: JSONValue = ["groupName": "cg", "consumeType": 0, "messageModel": 0, "consumeFromWhere": "NOWHERE"]
        let consumer = try ConsumerData(json: json)
        #expect(consumer.consumeType == .actively)
        #expect(consumer.messageModel == .broadcasting)
        #expect(consumer.consumeFromWhere == .lastOffset)
        #expect(consumer.subscriptions.isEmpty)
    }
}
