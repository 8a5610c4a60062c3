import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct HotHeaderTests {
    private let scratch = HeaderScratch()

    private func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Lends the request of a frame (with length word) to `body`; nil when the frame is malformed.
    private func withRequest<R>(_ frame: [UInt8], _ body: (InboundFrame) throws -> R) rethrows -> R? {
        try frame.withUnsafeBytes { bytes in
            guard let request = try? InboundFrame(UnsafeRawBufferPointer(rebasing: bytes[4...]), scratch: scratch) else { return nil }
            return try body(request)
        }
    }

    @Test func recordedHeadersMeanTheSameAsOnTheSlowWay() throws {
        for golden in try Golden.frames {
            let command = try RemotingCommand.decode(frame: golden.content)
            let scanned: Void? = withRequest(golden.frame) { request in
                #expect(request.fieldCount != nil, "\(golden.place) took the slow way")
                #expect(request.code == command.code && request.opaque == command.opaque, "\(golden.place)")
                #expect(request.flag == command.flag && request.version == command.version, "\(golden.place)")
                #expect(request.languageCode == command.language.rawValue, "\(golden.place)")
                #expect(request.body.count == command.body.count, "\(golden.place)")
            }
            #expect(scanned != nil, "\(golden.place)")
        }
    }

    @Test func recordedSendsAreReadInPlace() throws {
        let sends = try Golden.frames.filter { [10, 310, 320].contains($0.requestCode) && !$0.isResponse }
        #expect(sends.count >= 10)
        for golden in sends {
            let fields = try #require(try RemotingCommand.decode(frame: golden.content).fields)
            let isShort = golden.requestCode != 10
            func expected(_ short: String, _ long: String) -> String? { fields[isShort ? short : long] }
            try withRequest(golden.frame) { request in
                let send = try #require(SendFields(request), "\(golden.place)")
                #expect(text(send.producerGroup) == expected("a", "producerGroup"))
                #expect(text(send.topic) == expected("b", "topic"))
                #expect(text(send.defaultTopic) == expected("c", "defaultTopic"))
                #expect(String(send.defaultTopicQueueNums) == expected("d", "defaultTopicQueueNums"))
                #expect(String(send.queueId) == expected("e", "queueId"))
                #expect(String(send.sysFlag) == expected("f", "sysFlag"))
                #expect(String(send.bornTimestamp) == expected("g", "bornTimestamp"))
                #expect(String(send.flag) == expected("h", "flag"))
                #expect(text(send.properties) == expected("i", "properties") ?? "")
                #expect(String(send.reconsumeTimes) == expected("j", "reconsumeTimes") ?? "0")
                #expect("\(send.batch)" == expected("m", "batch") ?? "false")
                #expect(send.maxReconsumeTimes.map(String.init) == expected("l", "maxReconsumeTimes"))
                #expect(text(send.brokerName) == expected("n", "bname") ?? "")
            }
        }
    }

    @Test func recordedPullsAreReadInPlace() throws {
        let pulls = try Golden.frames.filter { $0.requestCode == 11 && !$0.isResponse }
        #expect(pulls.count >= 10)
        for golden in pulls {
            let fields = try #require(try RemotingCommand.decode(frame: golden.content).fields)
            try withRequest(golden.frame) { request in
                let pull = try #require(PullFields(request), "\(golden.place)")
                #expect(text(pull.consumerGroup) == fields["consumerGroup"])
                #expect(text(pull.topic) == fields["topic"])
                #expect(String(pull.queueId) == fields["queueId"])
                #expect(String(pull.queueOffset) == fields["queueOffset"])
                #expect(String(pull.maxMsgNums) == fields["maxMsgNums"])
                #expect(String(pull.sysFlag) == fields["sysFlag"])
                #expect(String(pull.commitOffset) == fields["commitOffset"])
                #expect(String(pull.suspendTimeoutMillis) == fields["suspendTimeoutMillis"])
                #expect(String(pull.subVersion) == fields["subVersion"])
                #expect(pull.subscription.map(text) == fields["subscription"])
                #expect(pull.expressionType.map(text) == fields["expressionType"])
            }
        }
    }

    private func send(_ changes: [String: String?], serialization: HeaderSerialization = .json) -> [UInt8] {
        var fields: HeaderFields = ["a": "g", "b": "t", "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0"]
        for (name, value) in changes { fields[name] = value }
        return RemotingCommand(code: 310, fields: fields, serialization: serialization).encoded()
    }

    @Test(arguments: ["b", "g", "h"])
    func aSendWithoutARequiredFieldGoesTheSlowWay(name: String) {
        #expect(withRequest(send([name: nil])) { SendFields($0) == nil } == true)
    }

    @Test(arguments: ["2147483648", "1.0", "", "x", "-", "99999999999999999999"])
    func aSendWithABadNumberGoesTheSlowWay(number: String) {
        #expect(withRequest(send(["e": number])) { SendFields($0) == nil } == true)
    }

    @Test func escapesOutsideOfThePropertiesGoTheSlowWay() {
        #expect(withRequest(send(["b": "a\"b"])) { SendFields($0) == nil } == true)
        #expect(withRequest(send(["b": "a\"b"], serialization: .rocketmq)) { SendFields($0) == nil } == false)
    }

    @Test(arguments: HeaderSerialization.allCases)
    func extremeNumbersAndAllEscapesArrive(serialization: HeaderSerialization) throws {
        let properties = "k\u{1}a\"b\\c/d\u{8}\u{c}\n\r\t\u{7f}é名😀\u{2}WAIT\u{1}true\u{2}"
        try withRequest(send(["g": "9223372036854775807", "h": "-2147483648", "i": properties], serialization: serialization)) { request in
            let send = try #require(SendFields(request))
            #expect(send.bornTimestamp == .max)
            #expect(send.flag == .min)
            #expect(text(send.properties) == properties)
        }
    }

    @Test(arguments: [
        (#"\u0001\u0002"#, "\u{1}\u{2}"), (#"\ud83d\ude00"#, "😀"), (#"\u00e9\u540d"#, "é名"), (#"\ud83d"#, nil), (#"\ude00\ud83d"#, nil),
        (#"\u12"#, nil), (#"\x"#, nil), (#"plain"#, "plain"), ("", ""),
    ])
    func escapesBecomeText(escaped: String, plain: String?) {
        let bytes = Array(escaped.utf8)
        let result = bytes.withUnsafeBytes { $0.unescapeJSON(into: scratch.text) }
        #expect(result.map { String(decoding: scratch.text[..<$0], as: UTF8.self) } == plain)
    }

    @Test func unusualJSONTakesTheSlowWayAndMeansTheSame() {
        let header = #"{ "opaque" : 5, 'code':310, "extFields":{"a":1,"b":true,"c":null}, "flag":0 }"#
        var frame = RemotingCommand(code: 0).encoded()
        frame.removeSubrange(8...)
        frame.replaceSubrange(4..<8, with: [0, 0, 0, UInt8(header.utf8.count)])
        frame += header.utf8
        let seen = withRequest(frame) { ($0.code, $0.opaque, $0.fieldCount == nil) }
        #expect(seen?.0 == 310)
        #expect(seen?.1 == 5)
        #expect(seen?.2 == true)
    }

    @Test func mutatedFramesNeverTrap() throws {
        var random = try SeededRandom.replayable(20)
        for golden in try Golden.frames where [10, 11, 310, 320].contains(golden.requestCode) {
            for _ in 0..<200 {
                var frame = golden.frame
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    let place = Int.random(in: 4..<min(frame.count, 500), using: &random)
                    frame[place] = Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random) : [0x22, 0x5C, 0x7B, 0x7D, 0x75, 0xFF, 0][place % 7]
                }
                if Bool.random(using: &random) { frame.removeLast(Int.random(in: 0..<(frame.count - 4), using: &random)) }
                withRequest(frame) { request in
                    _ = SendFields(request)
                    _ = PullFields(request)
                }
            }
        }
    }
}
