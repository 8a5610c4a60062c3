import RMQCommon
import RMQTestSupport
import Testing

/// Bytes of hexadecimal text that a literal of a test holds.
func hex(_ text: String) throws -> [UInt8] { try #require(Hex.bytes(text.filter { $0 != " " && $0 != "\n" })) }

/// One recorded frame of `frames.jsonl`.
struct RecordedFrame {
    let code: Int64
    let kind: String
    let bodyText: String?
    let body: [UInt8]

    static func all() throws -> [RecordedFrame] {
        try GoldenData.lines("frames.jsonl").map { line in
            let value = try JSONValue(parsing: line)
            let frame = try hex(try #require(value["frame"]?.asString))
            let headerCount = Int(frame[5]) << 16 | Int(frame[6]) << 8 | Int(frame[7])
            return RecordedFrame(
                code: value["requestCode"]?.asInt64 ?? value["code"]?.asInt64 ?? -1, kind: value["kind"]?.asString ?? "",
                bodyText: value["bodyText"]?.asString, body: [UInt8](frame[(8 + headerCount)...]))
        }
    }
}
