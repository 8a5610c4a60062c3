import RMQCommon

/// The offsets of a broadcasting consumer, kept on this machine.
///
///     {"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"News"}:42}}
///
/// The keys are objects, as the reference writes them; so a client of either kind finds what the other left.
enum OffsetFile {
    static func path(directory: String, clientId: String, group: String) -> String {
        "\(directory)/\(clientId)/\(group)/offsets.json"
    }

    static func encode(_ offsets: [MessageQueue: Int64]) -> [UInt8] {
        let members = offsets.sorted { $0.key < $1.key }.map { queue, offset in
            (key: queue.json, value: JSONValue.integer(offset))
        }
        return JSONValue.object(["offsetTable": .object(JSONObject(members))]).bytes(.pretty)
    }

    /// What the file says, entry by entry.
    static func decode(_ file: JSONObject, _ report: inout EntryReport) throws(JSONError) -> [MessageQueue: Int64] {
        var offsets: [MessageQueue: Int64] = [:]
        for (key, value) in try file["offsetTable"]?.requireObject("offsetTable").members ?? [] {
            let entry = key.asString ?? key.text()
            let queue = report.read(entry, value) { (_) throws(JSONError) in try MessageQueue(json: key) }
            guard let queue else { continue }
            if let offset = value.asInt64, offset >= 0 {
                offsets[queue] = offset
            } else {
                report.leaveOut(entry, value, because: "an offset is a number from 0 on")
            }
        }
        return offsets
    }

    /// Reads the file, or its `.bak`; no file at all means no offsets.
    static func load(_ path: String, logger: Logger) throws(ClientError) -> [MessageQueue: Int64] {
        do {
            return try TableFile.load(path, logger: logger) { try decode($0, &$1) } ?? [:]
        } catch {
            throw ClientError(.offsetFileUnreadable, "\(path) and \(path).bak cannot be read: \(error)")
        }
    }

    static func save(_ offsets: [MessageQueue: Int64], to path: String) throws {
        try SmallFile.replace(path, with: encode(offsets))
    }
}
