import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Whatever bytes come, decoding ends in a command or in an error that names what is wrong.
@Suite(.takesTurns) struct MalformedFrameTests {
    @Test func frameWithoutHeaderWord() {
        #expect(throws: FrameError.tooShort(bytes: 3)) { try RemotingCommand.decode(frame: [0, 0, 0]) }
        #expect(throws: FrameError.tooShort(bytes: 0)) { try RemotingCommand.decode(frame: []) }
    }

    @Test func headerLongerThanTheFrame() {
        #expect(throws: FrameError.headerTooLong(bytes: 3, available: 2)) {
            try RemotingCommand.decode(frame: [0, 0, 0, 3, 0x7B, 0x7D])
        }
        #expect(throws: FrameError.headerTooLong(bytes: 0xFFFFFF, available: 0)) {
            try RemotingCommand.decode(frame: [0, 0xFF, 0xFF, 0xFF])
        }
    }

    @Test(arguments: [2, 0x7F, 0x80, 0xFF] as [UInt8])
    func unknownSerialization(_ code: UInt8) {
        #expect(throws: FrameError.unknownSerialization(code)) {
            try RemotingCommand.decode(frame: [code, 0, 0, 2, 0x7B, 0x7D])
        }
    }

    @Test(arguments: ["", "[]", "{", "{\"code\":}", "{\"code\":99999999999}", "{\"code\":1}x", "{\"extFields\":[]}", "null"])
    func malformedJSON(_ header: String) {
        let error = #expect(throws: FrameError.self) { try decode(json: Array(header.utf8)) }
        if case .malformedJSON? = error { return }
        Issue.record("\(header) gave \(String(describing: error))")
    }

    /// A key in another encoding costs its own characters, not the connection.
    @Test(arguments: [false, true])
    func textsThatAreNotUTF8AreRepaired(isUnusual: Bool) throws {
        let start = isUnusual ? "{code:1,'remark':\"" : "{\"code\":1,\"remark\":\""
        let json = try decode(json: Array(start.utf8) + [0xC3, 0x28] + Array("\",\"extFields\":{\"k\":\"".utf8) + [0xFF, 0x61] + Array("\"}}".utf8))
        #expect(json.remark == "\u{FFFD}(" && json.fields?["k"] == "\u{FFFD}a")
        let binary = try decode(binary: fixedPart + int32(2) + [0xC3, 0x28] + int32(8) + [0, 1, 0x61] + int32(1) + [0xFF])
        #expect(binary.remark == "\u{FFFD}(" && binary.fields?["a"] == "\u{FFFD}")
    }

    @Test func lengthsInABinaryHeader() {
        #expect(throws: FrameError.badLength(of: "remark", length: -1, available: 4)) {
            try decode(binary: fixedPart + int32(-1) + int32(0))
        }
        #expect(throws: FrameError.badLength(of: "remark", length: Int(Int32.max), available: 4)) {
            try decode(binary: fixedPart + int32(.max) + int32(0))
        }
        #expect(throws: FrameError.badLength(of: "fields", length: -8, available: 0)) {
            try decode(binary: fixedPart + int32(0) + int32(-8))
        }
        #expect(throws: FrameError.badLength(of: "field name", length: -1, available: 1)) {
            try decode(binary: fixedPart + int32(0) + int32(3) + [0xFF, 0xFF, 0x61])
        }
        #expect(throws: FrameError.badLength(of: "field value", length: 2, available: 1)) {
            try decode(binary: fixedPart + int32(0) + int32(8) + [0, 1, 0x61] + int32(2) + [0x62])
        }
        #expect(throws: FrameError.badLength(of: "fixed part of the header", length: 21, available: 3)) {
            try decode(binary: [0, 1, 0])
        }
        #expect(throws: FrameError.badLength(of: "length of fields", length: 4, available: 0)) {
            try decode(binary: fixedPart + int32(0))
        }
    }

    @Test func moreFieldsThanTheLimit() {
        let json = (0 ... HeaderFields.limit).map { "\"f\($0)\":\"v\"" }.joined(separator: ",")
        #expect(throws: FrameError.tooManyFields(limit: HeaderFields.limit)) {
            try decode(json: Array("{\"code\":1,\"extFields\":{\(json)}}".utf8))
        }
        let entry: [UInt8] = [0, 1, 0x61] + int32(1) + [0x62]
        let entries = Array(repeatElement(entry, count: HeaderFields.limit + 1).joined())
        #expect(throws: FrameError.tooManyFields(limit: HeaderFields.limit)) {
            try decode(binary: fixedPart + int32(0) + int32(Int32(entries.count)) + entries)
        }
    }

    /// Recorded frames with bytes changed, cut or repeated: no trap, and what decodes also encodes.
    @Test func mutatedFramesNeverTrap() throws {
        var generator = try SeededRandom.replayable(20_260_401)
        var refused = 0
        let frames = try Golden.frames.filter { $0.frame.count < 2000 }
        for _ in 0 ..< 20_000 {
            var frame = frames.randomElement(using: &generator)!.content
            for _ in 0 ..< Int.random(in: 1 ... 4, using: &generator) {
                let place = Int.random(in: 0 ..< frame.count, using: &generator)
                switch Int.random(in: 0 ..< 4, using: &generator) {
                case 0: frame[place] = UInt8.random(in: 0 ... 255, using: &generator)
                case 1: frame[place] ^= 1 << UInt8.random(in: 0 ..< 8, using: &generator)
                case 2 where place > 0: frame.removeLast(frame.count - place)
                default: frame.insert(frame[place], at: place)
                }
            }
            do throws(FrameError) {
                let command = try RemotingCommand.decode(frame: frame)
                _ = command.encoded()
            } catch {
                refused += 1
            }
        }
        #expect(refused > 0)
    }

    private let fixedPart: [UInt8] = [0, 10, 0, 1, 0x99, 0, 0, 0, 1, 0, 0, 0, 0]

    private func decode(json header: [UInt8]) throws -> RemotingCommand {
        try RemotingCommand.decode(frame: int32(Int32(header.count)) + header)
    }

    private func decode(binary header: [UInt8]) throws -> RemotingCommand {
        try RemotingCommand.decode(frame: int32(Int32(header.count) | 1 << 24) + header)
    }

    private func int32(_ value: Int32) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
