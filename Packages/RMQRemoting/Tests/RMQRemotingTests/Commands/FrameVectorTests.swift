import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Frames that were computed from the protocol's description and matched against the reference's own codec.
@Suite(.takesTurns) struct FrameVectorTests {
    /// Length word and header word in hex, header, body.
    static let jsonFrames: [(words: String, header: String, body: String)] = [
        (
            "000000C100000060",
            #"{"code":34,"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #"{"clientID":"192.168.0.10@12345","consumerDataSet":[],"producerDataSet":[{"groupName":"pg"}]}"#
        ),
        (
            "000000EB000000E7",
            #"{"code":0,"extFields":{"queueId":"1","TRACE_ON":"true","MSG_REGION":"DefaultRegion","msgId":"C0A8000100002A9F0000000000001000","queueOffset":"7"},"flag":1,"language":"JAVA","opaque":2,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #""#
        ),
        (
            "0000015400000150",
            #"{"code":11,"extFields":{"queueId":"1","maxMsgNums":"32","sysFlag":"3","suspendTimeoutMillis":"15000","commitOffset":"7","bname":"broker-a","topic":"TopicTest","queueOffset":"7","expressionType":"TAG","subVersion":"1700000000000","consumerGroup":"cg"},"flag":0,"language":"JAVA","opaque":3,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #""#
        ),
        (
            "000000E2000000DE",
            #"{"code":19,"extFields":{"suggestWhichBrokerId":"0","nextBeginOffset":"8","maxOffset":"8","minOffset":"0"},"flag":1,"language":"JAVA","opaque":3,"remark":"OFFSET_OVERFLOW_ONE","serializeTypeCurrentRPC":"JSON","version":409}"#,
            #""#
        ),
        (
            "0000008700000083",
            #"{"code":105,"extFields":{"topic":"TopicTest"},"flag":0,"language":"JAVA","opaque":4,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #""#
        ),
        (
            "0000023E00000126",
            #"{"code":103,"extFields":{"brokerId":"0","bodyCrc32":"943531140","clusterName":"DefaultCluster","brokerAddr":"192.168.0.1:10911","haServerAddr":"192.168.0.1:10912","compressed":"false","brokerName":"broker-a"},"flag":0,"language":"JAVA","opaque":5,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #"{"filterServerList":[],"topicConfigSerializeWrapper":{"dataVersion":{"counter":5,"timestamp":1700000000000},"topicConfigTable":{"TopicTest":{"order":false,"perm":6,"readQueueNums":4,"topicFilterType":"SINGLE_TAG","topicName":"TopicTest","topicSysFlag":0,"writeQueueNums":4}}}}"#
        ),
        (
            "000000CF000000CB",
            #"{"code":15,"extFields":{"queueId":"1","bname":"broker-a","commitOffset":"8","topic":"TopicTest","consumerGroup":"cg"},"flag":2,"language":"JAVA","opaque":6,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #""#
        ),
        (
            "000000DE00000060",
            #"{"code":41,"flag":0,"language":"JAVA","opaque":8,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #"{"clientId":"192.168.0.10@12345","consumerGroup":"cg","mqSet":[{"brokerName":"broker-a","queueId":1,"topic":"TopicTest"}]}"#
        ),
        (
            "000000AE0000005F",
            #"{"code":0,"flag":1,"language":"JAVA","opaque":8,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #"{"lockOKMQSet":[{"brokerName":"broker-a","queueId":1,"topic":"TopicTest"}]}"#
        ),
        (
            "000000A7000000A3",
            #"{"code":35,"extFields":{"producerGroup":"pg","clientID":"192.168.0.10@12345"},"flag":0,"language":"JAVA","opaque":9,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #""#
        ),
        (
            "0000008500000081",
            #"{"code":3,"flag":1,"language":"JAVA","opaque":11,"remark":"unsupported code 9999","serializeTypeCurrentRPC":"JSON","version":409}"#,
            #""#
        ),
        (
            "0000008800000084",
            #"{"code":40,"extFields":{"consumerGroup":"cg"},"flag":2,"language":"JAVA","opaque":12,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #""#
        ),
        (
            "00000102000000D7",
            #"{"code":322,"extFields":{"brokerId":"0","clusterName":"DefaultCluster","brokerAddr":"192.168.0.1:10911","brokerName":"broker-a"},"flag":0,"language":"JAVA","opaque":13,"serializeTypeCurrentRPC":"JSON","version":409}"#,
            #"{"counter":5,"timestamp":1700000000000}"#
        ),
    ]

    @Test(arguments: jsonFrames.indices)
    func jsonFramesKeepTheirBytes(_ index: Int) throws {
        let vector = Self.jsonFrames[index]
        let frame = try #require(Hex.bytes(vector.words)) + vector.header.utf8 + vector.body.utf8
        let command = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        #expect(command.serialization == .json)
        #expect(command.version == 409)
        #expect(command.body == Array(vector.body.utf8))
        #expect(command.encoded() == frame)
    }

    @Test func sendV2FromItsTypedHeader() throws {
        let header = SendMessageHeaderV2(SendMessageHeader {
            $0.producerGroup = "pg"
            $0.topic = "TopicTest"
            $0.queueId = 1
            $0.bornTimestamp = 1_700_000_000_000
            $0.properties = "KEYS\u{1}k1\u{2}UNIQ_KEY\u{1}C0A8000A303918B4AAC247B760000001\u{2}WAIT\u{1}true\u{2}TAGS\u{1}TagA"
            $0.brokerName = "broker-a"
        })
        var command = RemotingCommand(
            .sendMessageV2, header: header, body: Array("Hello RocketMQ".utf8), serialization: .rocketmq)
        command.language = .java
        command.opaque = 2
        let frame = try hex("""
            000000FC010000EA0136000199000000020000000000000000000000D500016100000002706700016200000009546F706963
            54657374000163000000065442573130320001640000000134000165000000013100016600000001300001670000000D3137
            30303030303030303030300001680000000130000169000000454B455953016B3102554E49515F4B45590143304138303030
            41333033393138423441414332343742373630303030303031025741495401747275650254414753015461674100016A0000
            00013000016B0000000566616C736500016D0000000566616C736500016E0000000862726F6B65722D6148656C6C6F20526F
            636B65744D51
            """)
        #expect(command.encoded() == frame)
        let decoded = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        #expect(decoded == command)
        #expect(try decoded.header(SendMessageHeaderV2.self) == header)
    }

    @Test func sendResponseFromItsTypedHeader() throws {
        var command = RemotingCommand.response(
            .success,
            header: SendMessageResponseHeader {
                $0.messageId = "C0A8000100002A9F0000000000001000"
                $0.queueId = 1
                $0.queueOffset = 7
            })
        command.language = .java
        command.opaque = 2
        command.serialization = .rocketmq
        let frame = try hex("""
            000000930100008F00000001990000000200000001000000000000007A00056D736749640000002043304138303030313030
            303032413946303030303030303030303030313030300007717565756549640000000131000B71756575654F666673657400
            00000137000854524143455F4F4E0000000474727565000A4D53475F524547494F4E0000000D44656661756C74526567696F
            6E
            """)
        #expect(command.encoded() == frame)
    }

    @Test func pullFromItsTypedHeader() throws {
        let header = PullMessageHeader {
            $0.consumerGroup = "cg"
            $0.topic = "TopicTest"
            $0.queueId = 1
            $0.queueOffset = 7
            $0.maxMessages = 32
            $0.flags = [.commitsOffset, .suspends]
            $0.commitOffset = 7
            $0.suspendTimeoutMillis = 15000
            $0.subscriptionVersion = 1_700_000_000_000
            $0.expressionType = "TAG"
            $0.brokerName = "broker-a"
        }
        var command = RemotingCommand(.pullMessage, header: header, serialization: .rocketmq)
        command.language = .java
        command.opaque = 3
        let frame = try hex("""
            000000FB010000F7000B000199000000030000000000000000000000E2000D636F6E73756D657247726F7570000000026367
            0005746F70696300000009546F706963546573740007717565756549640000000131000B71756575654F6666736574000000
            0137000A6D61784D73674E756D730000000233320007737973466C61670000000133000C636F6D6D69744F66667365740000
            000137001473757370656E6454696D656F75744D696C6C6973000000053135303030000A73756256657273696F6E0000000D
            31373030303030303030303030000E65787072657373696F6E54797065000000035441470005626E616D650000000862726F
            6B65722D61
            """)
        #expect(command.encoded() == frame)
        #expect(try RemotingCommand.decode(frame: Array(frame.dropFirst(4))).header(PullMessageHeader.self) == header)
    }

    @Test func pullResponseWithMessages() throws {
        let frame = try hex("""
            000001330100006B0000000199000000030000000100000005464F554E440000005100147375676765737457686963684272
            6F6B657249640000000130000F6E657874426567696E4F6666736574000000013800096D696E4F6666736574000000013000
            096D61784F66667365740000000138000000C4DAA320A769C865ED0000000100000000000000000000000700000000000010
            00000000000000018BCFE56800C0A8000A0000D4310000018BCFE5687BC0A8000100002A9F00000000000000000000000000
            00000E48656C6C6F20526F636B65744D5109546F7069635465737400524B455953016B3102554E49515F4B45590143304138
            3030304133303339313842344141433234374237363030303030303102434C55535445520144656661756C74436C75737465
            7202544147530154616741
            """)
        let command = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        #expect(command.responseCode == .success)
        #expect(command.isResponse)
        #expect(command.opaque == 3)
        #expect(command.remark == "FOUND")
        #expect(command.body.count == 196)
        #expect(
            try command.header() == PullMessageResponseHeader {
                $0.suggestedBrokerId = 0
                $0.nextBeginOffset = 8
                $0.minOffset = 0
                $0.maxOffset = 8
            })
        #expect(command.encoded() == frame)
    }

    @Test func batchSend() throws {
        let frame = try hex("""
            000000FC010000AD01400001990000000A00000000000000000000009800016100000002706700016200000009546F706963
            54657374000163000000065442573130320001640000000134000165000000013100016600000001300001670000000D3137
            303030303030303030303000016800000001300001690000000957414954017472756500016A000000013000016B00000005
            66616C736500016D000000047472756500016E0000000862726F6B65722D6100000021000000000000000000000000000000
            02413100095441475301546167410000002A0000000000000000000000000000000342323200114B455953016B3202544147
            530154616742
            """)
        let command = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        #expect(command.requestCode == .sendBatchMessage)
        let header = try command.header(SendMessageHeaderV2.self).message
        #expect(header.isBatch)
        #expect(header.properties == "WAIT\u{1}true")
        #expect(command.body.count == 75)
        #expect(command.encoded() == frame)
    }

    @Test func sendBack() throws {
        let header = """
            {"code":36,"extFields":{"maxReconsumeTimes":"16","offset":"4096","bname":"broker-a","delayLevel":"0","originTopic":"TopicTest",\
            "originMsgId":"C0A8000100002A9F0000000000001000","unitMode":"false","group":"cg"},"flag":0,"language":"JAVA","opaque":15,\
            "serializeTypeCurrentRPC":"JSON","version":409}
            """
        let frame = try hex("0000012B00000127") + header.utf8
        let command = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        #expect(command.requestCode == .consumerSendMsgBack)
        let sentBack = try command.header(SendBackHeader.self)
        #expect(sentBack == SendBackHeader {
            $0.physicalOffset = 4_096
            $0.group = "cg"
            $0.originMessageId = "C0A8000100002A9F0000000000001000"
            $0.originTopic = "TopicTest"
            $0.maxReconsumeTimes = 16
            $0.brokerName = "broker-a"
        })
        #expect(command.encoded() == frame)
    }

    @Test func endOfATransaction() throws {
        let frame = try hex("""
            000001620000015E7B22636F6465223A33372C226578744669656C6473223A7B2270726F647563657247726F7570223A2270
            67222C22626E616D65223A2262726F6B65722D61222C22636F6D6D69744C6F674F6666736574223A2234303936222C226D73
            674964223A224330413830303041333033393138423441414332343742373630303030303031222C227472616E5374617465
            5461626C654F6666736574223A2230222C22636F6D6D69744F72526F6C6C6261636B223A2238222C227472616E7361637469
            6F6E4964223A224330413830303041333033393138423441414332343742373630303030303031222C2266726F6D5472616E
            73616374696F6E436865636B223A2266616C7365227D2C22666C6167223A322C226C616E6775616765223A224A415641222C
            226F7061717565223A372C2273657269616C697A655479706543757272656E74525043223A224A534F4E222C227665727369
            6F6E223A3430397D
            """)
        let command = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        #expect(command.requestCode == .endTransaction && command.isOneway && command.opaque == 7)
        #expect(
            try command.header() == EndTransactionHeader {
                $0.producerGroup = "pg"
                $0.halfPhysicalOffset = 4_096
                $0.decision = .commit
                $0.messageId = "C0A8000A303918B4AAC247B760000001"
                $0.transactionId = "C0A8000A303918B4AAC247B760000001"
                $0.brokerName = "broker-a"
            })
        #expect(command.encoded() == frame)
    }

    @Test func questionAboutATransaction() throws {
        let frame = try hex("""
            000001B3000001327B22636F6465223A33392C226578744669656C6473223A7B22636F6D6D69744C6F674F6666736574223A
            2234303936222C226D73674964223A224330413830303041333033393138423441414332343742373630303030303031222C
            227472616E53746174655461626C654F6666736574223A2230222C226F66667365744D73674964223A224330413830303031
            303030303241394630303030303030303030303031303030222C227472616E73616374696F6E4964223A2243304138303030
            41333033393138423441414332343742373630303030303031227D2C22666C6167223A322C226C616E6775616765223A224A
            415641222C226F7061717565223A31362C2273657269616C697A655479706543757272656E74525043223A224A534F4E222C
            2276657273696F6E223A3430397D0000007DDAA320A754545703000000010000000000000000000000000000000000001000
            000000000000018BCFE56800C0A8000A0000D4310000018BCFE5687BC0A8000100002A9F0000000000000000000000000000
            0002747809546F7069635465737400175047524F5550017067025452414E5F4D53470174727565
            """)
        let command = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        #expect(command.requestCode == .checkTransactionState && command.isOneway && command.opaque == 16)
        #expect(
            try command.header() == CheckTransactionHeader {
                $0.halfPhysicalOffset = 4_096
                $0.messageId = "C0A8000A303918B4AAC247B760000001"
                $0.transactionId = "C0A8000A303918B4AAC247B760000001"
                $0.offsetMessageId = "C0A8000100002A9F0000000000001000"
            })
        let message = try #require(try MessageRecord.decodeAll(command.body, decompressing: false).first)
        #expect(message.topic == "TopicTest" && message.queueId == 1 && message.text == "tx" && message.physicalOffset == 4_096)
        #expect(message.properties == ["PGROUP": "pg", "TRAN_MSG": "true"])
        #expect(MessageRecord.encode(message) == command.body && command.encoded() == frame)
    }

    private func hex(_ text: String) throws -> [UInt8] {
        try #require(Hex.bytes(text.filter { !$0.isWhitespace }))
    }
}
