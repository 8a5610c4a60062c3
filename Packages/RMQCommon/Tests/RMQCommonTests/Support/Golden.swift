import RMQCommon
import Testing

/// Files recorded from the reference implementation: the repository's `Tests/Golden`.
enum Golden {
    static func bytes(_ name: String, file: String = #filePath) throws -> [UInt8] {
        var root = file
        for _ in 0 ..< 6 { root = FileSystem.parent(root) }
        return try #require(try SmallFile.read("\(root)/Tests/Golden/\(name)"))
    }
}

/// Bytes of hexadecimal text that a literal of a test holds.
func hex(_ text: String) throws -> [UInt8] { try #require(Hex.bytes(text.filter { $0 != " " && $0 != "\n" })) }

/// Gives a temporary folder to `body` and removes it afterwards.
func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
    let path = try FileSystem.makeTemporaryDirectory(prefix: "rmqcommon")
    defer { try? FileSystem.removeTree(path) }
    try body(path)
}

/// One recorded frame of `frames.jsonl`.
struct RecordedFrame {
    let code: Int64
    let kind: String
    let bodyText: String?
    let body: [UInt8]

    static func all() throws -> [RecordedFrame] {
        try Golden.bytes("frames.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
            let value = try JSONValue(parsing: [UInt8](line))
            let frame = try hex(try #require(value["frame"]?.asString))
            let headerCount = Int(frame[5]) << 16 | Int(frame[6]) << 8 | Int(frame[7])
            return RecordedFrame(
                code: value["requestCode"]?.asInt64 ?? value["code"]?.asInt64 ?? -1, kind: value["kind"]?.asString ?? "",
                bodyText: value["bodyText"]?.asString, body: [UInt8](frame[(8 + headerCount)...]))
        }
    }
}
