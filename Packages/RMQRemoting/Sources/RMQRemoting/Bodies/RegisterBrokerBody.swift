public import RMQCommon

/// What a broker tells a name server about itself (103).
///
/// With `compressed=true` in the header it travels as one zlib stream of
///
///     +---------+------------------+-----------+-------------------------+---------+-----------------------+
///     | n: i32  | DataVersion JSON | topics:   | per topic: n: i32, text | n: i32  | filter servers, JSON  |
///     |         |                  | i32       |                         |         | array of texts        |
///     +---------+------------------+-----------+-------------------------+---------+-----------------------+
///
/// where the text of a topic is `name readQueues writeQueues perm filterType`. System flag and order are lost.
public struct RegisterBrokerBody: JSONBody {
    public var topicConfigTable: TopicConfigTable
    public var filterServers: [String]

    public init(topicConfigTable: TopicConfigTable, filterServers: [String] = []) {
        self.topicConfigTable = topicConfigTable
        self.filterServers = filterServers
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("registerBrokerBody")
        topicConfigTable = try TopicConfigTable(json: object.part("topicConfigSerializeWrapper") ?? [:])
        filterServers = try object.strings("filterServerList")
    }

    public var json: JSONValue {
        ["filterServerList": .strings(filterServers), "topicConfigSerializeWrapper": topicConfigTable.json]
    }
}

/// Why the compressed form of a registration cannot be read.
public enum RegistrationError: Error, Equatable, Sendable {
    case notCompressed(String)
    case json(JSONError)
    /// A length is negative or reaches beyond the content.
    case badLength(Int32, available: Int)
    /// A topic that is not its five parts between single spaces.
    case badTopic(String)
}

extension RegisterBrokerBody {
    /// Most bytes that a registration may have when unpacked: some 500,000 topics. A frame could hold a thousand
    /// times its own size.
    public static let contentLimit = 64 * 1024 * 1024

    public init(compressed: [UInt8]) throws(RegistrationError) {
        let content: [UInt8]
        do {
            content = try Zlib.decompress(compressed, limit: Self.contentLimit)
        } catch {
            throw .notCompressed("\(error)")
        }
        let result = content.withUnsafeBytes { bytes -> Result<RegisterBrokerBody, RegistrationError> in
            var reader = ByteReader(bytes)
            do throws(RegistrationError) { return .success(try Self.read(&reader)) } catch { return .failure(error) }
        }
        self = try result.get()
    }

    /// The compressed form, at zlib's best level as the reference packs it.
    public func compressed() throws(CompressionError) -> [UInt8] {
        var writer = ByteWriter(capacity: 64 * (topicConfigTable.topics.count + 2))
        writer.write(lengthAnd: topicConfigTable.dataVersion.json.text())
        writer.write(Int32(topicConfigTable.topics.count))
        for (_, topic) in topicConfigTable.topics.sorted(by: { $0.key < $1.key }) {
            writer.write(lengthAnd: topic.line)
        }
        writer.write(lengthAnd: JSONValue.strings(filterServers).text())
        return try Zlib.compress(writer.bytes, level: 9)
    }

    private static func read(_ reader: inout ByteReader) throws(RegistrationError) -> RegisterBrokerBody {
        let version = try text(from: &reader)
        let count = reader.readInt32() ?? -1
        // A topic takes at least its length word.
        guard count >= 0, count <= reader.remaining / 4 else { throw .badLength(count, available: reader.remaining) }
        var topics: [ByteText: TopicConfig] = [:]
        for _ in 0 ..< count {
            let line = try text(from: &reader)
            guard let topic = TopicConfig(line: line) else { throw .badTopic(line) }
            topics[topic.topicName] = topic
        }
        let servers = try text(from: &reader)
        return try json { () throws(JSONError) in
            RegisterBrokerBody(
                topicConfigTable: TopicConfigTable(
                    topics: topics, dataVersion: try DataVersion(json: JSONValue(parsing: version))),
                filterServers: servers.isEmpty ? [] : try JSONValue(parsing: servers).strings("filterServerList"))
        }
    }

    private static func text(from reader: inout ByteReader) throws(RegistrationError) -> String {
        let length = reader.readInt32() ?? -1
        guard let text = reader.readString(utf8Count: Int(length)) else {
            throw .badLength(length, available: reader.remaining)
        }
        return text
    }

    private static func json<Value>(_ read: () throws(JSONError) -> Value) throws(RegistrationError) -> Value {
        do { return try read() } catch { throw .json(error) }
    }
}

extension ByteWriter {
    fileprivate mutating func write(lengthAnd text: String) {
        write(Int32(truncatingIfNeeded: text.utf8.count))
        write(utf8: text)
    }
}
