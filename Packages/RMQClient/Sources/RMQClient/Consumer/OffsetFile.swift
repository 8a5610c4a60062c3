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

    static func decode(_ bytes: [UInt8]) throws(JSONError) -> [MessageQueue: Int64] {
        let table = try JSONValue(parsing: bytes).asObject?["offsetTable"]?.asObject
        var offsets: [MessageQueue: Int64] = [:]
        for (key, value) in table?.members ?? [] {
            guard let offset = value.asInt64 else { continue }
            offsets[try MessageQueue(json: key)] = offset
        }
        return offsets
    }

    /// Reads the file, or its `.bak`; no file at all means no offsets.
    static func load(_ path: String) throws(ClientError) -> [MessageQueue: Int64] {
        do {
            return try SmallFile.loadWithBackup(path) { bytes in try decode(bytes) } ?? [:]
        } catch {
            throw ClientError(.offsetFileUnreadable, "\(path) and \(path).bak cannot be read: \(error)")
        }
    }

    static func save(_ offsets: [MessageQueue: Int64], to path: String) throws {
        try SmallFile.replace(path, with: encode(offsets))
    }
}
