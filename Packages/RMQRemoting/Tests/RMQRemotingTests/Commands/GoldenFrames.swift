import RMQCommon
import RMQTestSupport
import Testing

/// A frame recorded from the reference, with what an independent decoder made of it.
struct GoldenFrame: Sendable {
    let requestCode: Int32
    let isResponse: Bool
    let isJSON: Bool
    let frame: [UInt8]
    let header: JSONObject
    let bodyText: String?
    let bodyLength: Int
    /// File and line, for messages of failed tests.
    let place: String

    /// The frame without its length word.
    var content: [UInt8] { Array(frame.dropFirst(4)) }
}

enum Golden {
    /// All recorded frames; an error when a file is missing or a line cannot be read.
    static var frames: [GoldenFrame] { get throws { try recorded.get() } }

    private static let recorded = Result { try ["frames", "frames-ha", "frames-acl"].flatMap(load) }

    private static func load(_ name: String) throws -> [GoldenFrame] {
        try GoldenData.lines(name + ".jsonl").enumerated().map { index, line in
            let record = try JSONValue(parsing: line)
            return GoldenFrame(
                requestCode: try #require(record["requestCode"]?.asInt32), isResponse: record["kind"]?.asString == "response",
                isJSON: record["serialization"]?.asString == "JSON", frame: try #require(record["frame"]?.asString.flatMap(Hex.bytes)),
                header: try #require(record["header"]?.asObject), bodyText: record["bodyText"]?.asString,
                bodyLength: try #require(record["bodyLength"]?.asInt), place: "\(name) line \(index + 1)")
        }
    }
}
