public import RMQCommon

/// How far each delay level has been delivered: the file `config/delayOffset.json`.
///
///     { "offsetTable": { 1:4, 3:2 }, "logOffset": 73216 }
///
/// By level, the offset in its schedule queue of the first message that is not delivered yet; levels that never delivered
/// anything are left out. `logOffset` is ours, and the reference passes over it: the deliveries that the offsets count lie
/// below it in the commit log, all others at or above it. The log is on the disk up to there before this is written. So
/// whatever a crash leaves, the two together tell which messages have been delivered.
public struct DelayOffsets: Sendable, Equatable {
    /// By level, from 1 on: the offset of the first message that is not delivered.
    public var offsets: [Int: Int64] = [:]
    /// The position in the log that parts what the offsets count from what they do not; nil in the reference's files.
    public var logOffset: Int64?

    public init() {}

    /// What the file says, entry by entry. Offsets may lie outside their queues, whose bounds are not known here.
    init(_ file: JSONObject, _ report: inout EntryReport) throws(JSONError) {
        for (key, value) in try file["offsetTable"]?.requireObject("offsetTable").members ?? [] {
            guard let level = key.asInt, level > 0 else {
                report.leaveOut(key.asString ?? key.text(), value, because: "levels are counted from 1")
                continue
            }
            guard let offset = value.asInt64 else {
                report.leaveOut("\(level)", value, because: "an offset is a number of 64 bits")
                continue
            }
            offsets[level] = offset
        }
        if let value = file["logOffset"] {
            logOffset = report.read("logOffset", value) { (_) throws(JSONError) in try file.int64("logOffset") }
        }
    }

    /// What the file holds.
    public var json: JSONValue {
        let table = JSONObject(offsets.sorted { $0.key < $1.key }.map { (JSONValue($0.key), JSONValue($0.value)) })
        var document = JSONObject([("offsetTable", .object(table))])
        document.append("logOffset", ifPresent: logOffset.map { JSONValue($0) })
        return .object(document)
    }

    /// The file's content, or its backup's; empty offsets when neither says anything.
    static func read(_ path: String, _ logger: Logger) throws(StoreError) -> DelayOffsets {
        do {
            return try TableFile.load(path, logger: logger) { try DelayOffsets($0, &$1) } ?? DelayOffsets()
        } catch {
            // Beginning at 0 instead would deliver again whatever the log still holds.
            throw .unreadableFile(path: path, reason: "\(error)")
        }
    }

    func write(_ path: String) throws(StoreError) {
        do {
            try SmallFile.replace(path, with: json.bytes(.pretty))
        } catch {
            throw .system(call: error.call, path: error.subject, code: error.code)
        }
    }
}
