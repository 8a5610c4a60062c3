import Foundation
import RMQCommon

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
    static let frames: [GoldenFrame] = ["frames", "frames-ha", "frames-acl"].flatMap(load)

    private static func load(_ name: String) -> [GoldenFrame] {
        // Packages/RMQRemoting/Tests/RMQRemotingTests/Commands/GoldenFrames.swift, six steps below the root.
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0 ..< 6 { root.deleteLastPathComponent() }
        let file = root.appendingPathComponent("Tests/Golden/\(name).jsonl")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").enumerated().compactMap { index, line in
            guard
                let record = try? JSONValue(parsing: String(line)),
                let frame = record["frame"]?.asString.flatMap(Hex.bytes),
                let header = record["header"]?.asObject,
                let requestCode = record["requestCode"]?.asInt32,
                let bodyLength = record["bodyLength"]?.asInt
            else { return nil }
            return GoldenFrame(
                requestCode: requestCode, isResponse: record["kind"]?.asString == "response",
                isJSON: record["serialization"]?.asString == "JSON", frame: frame, header: header,
                bodyText: record["bodyText"]?.asString, bodyLength: bodyLength, place: "\(name) line \(index + 1)")
        }
    }
}
