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
    public var offsets: [Int: Int64] = [:]
    public var logOffset: Int64?

    public init() {}

    init(json: JSONValue) throws(JSONError) {
        let document = try json.requireObject("delayOffset")
        for (key, value) in try document.object("offsetTable").members {
            guard let level = key.asInt, level > 0, let offset = value.asInt64, offset >= 0 else {
                throw .wrongType(property: "offsetTable", expected: "a map from level to offset")
            }
            offsets[level] = offset
        }
        logOffset = try document["logOffset"] == nil ? nil : document.int64("logOffset")
    }

    public var json: JSONValue {
        let table = JSONObject(offsets.sorted { $0.key < $1.key }.map { (JSONValue($0.key), JSONValue($0.value)) })
        var document = JSONObject([("offsetTable", .object(table))])
        document.append("logOffset", ifPresent: logOffset.map { JSONValue($0) })
        return .object(document)
    }

    /// The file's content, or its backup's; empty offsets when there is neither.
    static func read(_ path: String, _ logger: Logger) throws(StoreError) -> DelayOffsets {
        do {
            return try SmallFile.loadWithBackup(path, logger: logger) { try DelayOffsets(json: JSONValue(parsing: $0)) } ?? DelayOffsets()
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
