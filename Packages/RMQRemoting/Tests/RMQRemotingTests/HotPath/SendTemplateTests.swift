import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct SendTemplateTests {
    private let header = SendMessageHeader {
        $0.producerGroup = "größe"
        $0.topic = "orders"
        $0.defaultTopicQueueCount = 8
        $0.queueId = 65_535
        $0.brokerName = "broker-a"
    }

    /// What is written piece by piece says the same as the command that is written as a whole.
    @Test(arguments: [RequestCode.sendMessageV2, .sendBatchMessage, .sendReplyMessageV2], [0, 1, 200, 5000])
    func theFrameIsThatOfTheCommand(code: RequestCode, size: Int) throws {
        var header = header
        header.isBatch = code == .sendBatchMessage
        let template = SendTemplate(code, header)
        let message = SendTemplate.Message(
            systemFlag: .min, bornTimestamp: .max, flag: -7, properties: Array("UNIQ_KEY\u{1}01AB".utf8) + [UInt8](repeating: 0x61, count: size),
            body: [UInt8](repeating: 3, count: size))
        var expected = template.command(message)
        expected.opaque = -5
        expected.serialization = .rocketmq
        let frame = template.withFrameStart(-5, message) { Array($0) } + message.body
        let length = frame.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        #expect(length == frame.count - 4)
        let decoded = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
        #expect(decoded == expected)
        let hot = frame.dropFirst(4).withUnsafeBytes { bytes -> [Int64]? in
            let scratch = HeaderScratch()
            guard let inbound = try? InboundFrame(bytes, scratch: scratch), let fields = SendFields(inbound) else { return nil }
            return [Int64(fields.queueId), Int64(fields.sysFlag), fields.bornTimestamp, Int64(fields.flag), Int64(fields.properties.count)]
        }
        #expect(hot == [65_535, Int64(Int32.min), .max, -7, Int64(message.properties.count)])
    }
}

@Suite(.takesTurns) struct SignedSendTests {
    private let header = SendMessageHeader {
        $0.producerGroup = "größe"
        $0.topic = "orders"
        $0.queueId = 7
        $0.brokerName = "broker-a"
    }

    /// A broker compares what it gets with a signature of its own, which is that of the command.
    @Test(arguments: [RequestCode.sendMessageV2, .sendBatchMessage, .sendReplyMessageV2], ["sts-token", "", nil])
    func theSignatureIsThatOfTheCommand(code: RequestCode, token: String?) throws {
        let signer = try #require(RequestSigner(accessKey: "rocketmq2", secretKey: "12345678", securityToken: token))
        let template = SendTemplate(code, header)
        for (flag, body) in [(Int32.min, [UInt8]()), (0, [1, 2, 3]), (7, [UInt8](repeating: 0xFF, count: 5000))] {
            let message = SendTemplate.Message(
                systemFlag: flag, bornTimestamp: 1_700_000_000_000, flag: flag, properties: Array("KEYS\u{1}ü\u{2}UNIQ_KEY\u{1}01AB".utf8), body: body)
            var expected = template.command(message)
            signer.sign(&expected)
            let frame = template.withFrameStart(-5, message, signer: signer) { Array($0) } + message.body
            let sent = try RemotingCommand.decode(frame: Array(frame.dropFirst(4)))
            func texts(_ command: RemotingCommand) -> [String] { (command.fields ?? [:]).map { "\($0.name)=\($0.value)" }.sorted() }
            #expect(texts(sent).isExactly(texts(expected)))
            #expect(sent.body == body)
        }
    }
}

@Suite(.takesTurns) struct SerializationWishTests {
    @Test func aCommandWithAnEmptyTextGoesAsJSON() {
        var command = RemotingCommand(code: 1, fields: ["a": "x"])
        command.setSerialization(preferring: .rocketmq)
        #expect(command.serialization == .rocketmq)
        command.fields = ["a": "x", "b": ""]
        command.setSerialization(preferring: .rocketmq)
        #expect(command.serialization == .json)
        command.fields = nil
        command.setSerialization(preferring: .json)
        #expect(command.serialization == .json)
    }
}

@Suite(.takesTurns) struct HotAnswerTests {
    private func read<Answer>(_ command: RemotingCommand, _ make: (InboundFrame) -> Answer?) throws -> Answer? {
        let scratch = HeaderScratch()
        return try command.encoded().dropFirst(4).withUnsafeBytes { try make(InboundFrame($0, scratch: scratch)) }
    }

    @Test(arguments: HeaderSerialization.allCases, ["7F000001000051AF0000000000007627", "AB,CD", "FE80000000000000000000000000000100002A9F00000000000000FF"])
    func theAnswerToASendIsReadAsItWasMeant(serialization: HeaderSerialization, id: String) throws {
        for code in [ResponseCode.success, .flushDiskTimeout, .slaveNotAvailable, .flushSlaveTimeout] {
            var command = RemotingCommand.response(code, remark: "said", header: SendMessageResponseHeader {
                $0.messageId = id
                $0.queueId = 3
                $0.queueOffset = 1 << 40
            })
            command.serialization = serialization
            let answer = try #require(try read(command) { StoredAnswer($0) })
            #expect(answer.code == code)
            #expect(answer.messageId == id)
            #expect(answer.queueId == 3)
            #expect(answer.queueOffset == 1 << 40)
            #expect(answer.transactionId == nil)
            #expect(answer.region == "DefaultRegion")
            #expect(answer.isTraceOn)
        }
    }

    @Test func whatIsUnusualInAnAnswerIsNotLost() throws {
        let command = RemotingCommand.response(.success, header: SendMessageResponseHeader {
            $0.messageId = "7F000001000051AF0000000000007627"
            $0.queueId = 3
            $0.queueOffset = 9
            $0.transactionId = "T1"
            $0.region = "elsewhere"
            $0.isTraceOn = false
        })
        let answer = try #require(try read(command) { StoredAnswer($0) })
        #expect(answer.messageId == "7F000001000051AF0000000000007627")
        #expect(answer.transactionId == "T1")
        #expect(answer.region == "elsewhere")
        #expect(!answer.isTraceOn)
    }

    @Test(arguments: [
        RemotingCommand.response(.systemError, remark: "no"),
        RemotingCommand(code: 0, flag: 1, fields: ["msgId": "A", "queueId": "1"]),
        RemotingCommand(code: 0, flag: 1, fields: ["msgId": "A", "queueId": "x", "queueOffset": "1"]),
        RemotingCommand(code: 0, flag: 1, fields: ["msgId": "A\"", "queueId": "1", "queueOffset": "1"]),
    ])
    func otherAnswersAreLeftToTheSlowWay(command: RemotingCommand) throws {
        let answer = try read(command) { StoredAnswer($0) }
        #expect(answer == nil)
    }

    @Test(arguments: HeaderSerialization.allCases, [ResponseCode.success, .pullNotFound, .pullRetryImmediately, .pullOffsetMoved])
    func theAnswerToAPullIsReadAsItWasMeant(serialization: HeaderSerialization, code: ResponseCode) throws {
        var command = RemotingCommand.response(code, remark: "FOUND", header: PullMessageResponseHeader {
            $0.suggestedBrokerId = 1
            $0.nextBeginOffset = 1 << 40
            $0.minOffset = 2
            $0.maxOffset = 1 << 41
        }, body: [1, 2, 3])
        command.serialization = serialization
        let answer = try #require(try read(command) { PullAnswer($0) })
        #expect(answer.code == code)
        #expect(answer.suggestedBrokerId == 1)
        #expect(answer.nextBeginOffset == 1 << 40)
        #expect(answer.minOffset == 2)
        #expect(answer.maxOffset == 1 << 41)
        #expect(answer.body == [1, 2, 3])
    }
}
