import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct RecordedFrameTests {
    /// What the reference wrote as JSON is read, and written again byte by byte in one of the two forms that it uses.
    @Test func bodiesOfTheReferenceAreWrittenAsTheyWere() throws {
        var count = 0
        for frame in try RecordedFrame.all() where frame.bodyText != nil && frame.body.first == UInt8(ascii: "{") {
            let value = try JSONValue(parsing: frame.body)
            let text = String(decoding: frame.body, as: UTF8.self)
            #expect(
                [value.text(.fastjson), value.text(.browserCompatible), value.text(.pretty)].contains(text), "request code \(frame.code)")
            count += 1
        }
        #expect(count > 100)
    }

    /// Every message that a pull answered is read and written again to the same bytes.
    @Test func recordsOfTheReferenceAreWrittenAsTheyWere() throws {
        var count = 0
        for frame in try RecordedFrame.all() where frame.code == 11 && frame.kind == "response" && !frame.body.isEmpty {
            for message in try MessageRecord.decodeAll(frame.body, decompressing: false) {
                let start = frame.body.withUnsafeBytes { bytes in frame.body.indices.first { bytes[$0...].starts(with: MessageRecord.encode(message)) } }
                #expect(start != nil, "\(message.messageId)")
                count += 1
            }
        }
        #expect(count > 0)
    }
}
