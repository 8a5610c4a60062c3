@testable import RMQBroker
import RMQCommon
import RMQTestSupport
import Testing

/// The recorded stream between the reference's master and its slave (`ha-stream.jsonl`), with the log that it carried.
///
/// Bodies of more than 4,000 bytes are not in the recording. Records of the same length stand for them, at the same places of the log and the
/// queues, made of a recorded one.
struct RecordedStream {
    enum Event {
        case report(Int64)
        /// Without a body: a heartbeat.
        case frame(Int64, body: [UInt8])
    }

    /// By connection.
    private(set) var connections: [[Event]] = [[], []]
    private(set) var log: [UInt8] = []
    /// How many bytes of the log are those that were recorded.
    private(set) var recordedBytes = 0
    /// Records by queue.
    private(set) var recordCounts: [Int32: Int64] = [:]

    private struct Line {
        var connection: Int
        var isMaster: Bool
        var offset: Int64
        var size: Int
        var body: [UInt8]?
    }

    init() throws {
        let lines = try GoldenData.lines("ha-stream.jsonl").map { line in
            let json = try JSONValue(parsing: line)
            return Line(
                connection: Int(try #require(json["connection"]?.asInt32)), isMaster: json["from"]?.asString?.isExactly("master") == true,
                offset: try #require(json["offset"]?.asInt64), size: Int(json["size"]?.asInt32 ?? 0), body: json["body"]?.asString.flatMap { Hex.bytes($0) })
        }
        let template = try #require(lines.first { $0.body != nil && $0.size > 0 }?.body)
        let before = try Self.firstQueueOffsets(lines)
        for line in lines {
            guard line.isMaster else {
                connections[line.connection - 1].append(.report(line.offset))
                continue
            }
            var body = line.body ?? []
            if line.size > 0, line.body == nil {
                // The first frame carries what was sent before the slave came, each other one a message.
                body = log.isEmpty ? Self.records(before, template, byteCount: line.size) : Self.record(
                    template, byteCount: line.size, queue: nextQueue, queueOffset: recordCounts[nextQueue, default: 0], at: line.offset)
            } else {
                recordedBytes += line.size
            }
            if line.size > 0 {
                #expect(body.count == line.size && line.offset == Int64(log.count))
                log += body
                try count(body)
            }
            connections[line.connection - 1].append(.frame(line.offset, body: body))
        }
    }

    /// They were sent to the queues in turn.
    private var nextQueue: Int32 { Int32(recordCounts.values.reduce(0, +) - 30) % 4 }

    private mutating func count(_ body: [UInt8]) throws {
        for message in try MessageRecord.decodeAll(body, decompressing: true) {
            #expect(recordCounts[message.queueId, default: 0] == message.queueOffset)
            recordCounts[message.queueId, default: 0] += 1
        }
    }

    /// How many messages each queue had before the recorded ones.
    private static func firstQueueOffsets(_ lines: [Line]) throws -> [Int32: Int64] {
        var first: [Int32: Int64] = [:]
        for body in lines.compactMap(\.body) where !body.isEmpty {
            for message in try MessageRecord.decodeAll(body, decompressing: true) {
                first[message.queueId] = min(first[message.queueId] ?? .max, message.queueOffset)
            }
        }
        return first
    }

    private static func records(_ counts: [Int32: Int64], _ template: [UInt8], byteCount: Int) -> [UInt8] {
        let places = counts.sorted { $0.key < $1.key }.flatMap { queue, count in (0..<count).map { (queue, $0) } }
        var bytes: [UInt8] = []
        for (index, (queue, offset)) in places.enumerated() {
            let left = byteCount - bytes.count
            let size = index == places.count - 1 ? left : byteCount / places.count
            bytes += record(template, byteCount: size, queue: queue, queueOffset: offset, at: Int64(bytes.count))
        }
        return bytes
    }

    private static func record(_ template: [UInt8], byteCount: Int, queue: Int32, queueOffset: Int64, at offset: Int64) -> [UInt8] {
        let bodyStart = 88
        let bodyBytes = template[84..<88].reduce(0) { $0 << 8 | Int($1) }
        let tail = template[(bodyStart + bodyBytes)...]
        let body = [UInt8](repeating: UInt8(ascii: "z"), count: byteCount - bodyStart - tail.count)
        var record = template[..<bodyStart] + body + tail
        func put(_ value: some FixedWidthInteger, at position: Int) {
            withUnsafeBytes(of: value.bigEndian) { record.replaceSubrange(position..<position + $0.count, with: $0) }
        }
        put(Int32(byteCount), at: 0)
        put(CRC32.rocketMQ(body), at: 8)
        put(queue, at: 12)
        put(queueOffset, at: 20)
        put(offset, at: 28)
        put(Int32(body.count), at: 84)
        return [UInt8](record)
    }
}
