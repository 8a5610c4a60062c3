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
    public var topicConfigTable = TopicConfigTable()
    public var filterServers: [String] = []

    public init() {}
    public init(topicConfigTable: TopicConfigTable) { self.topicConfigTable = topicConfigTable }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("filterServerList", &filterServers)
        try members.optional("topicConfigSerializeWrapper", &topicConfigTable)
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

    /// Reads ``compressed()``'s form; throws ``RegistrationError`` for anything else.
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
        writer.write(lengthAnd: filterServers.json.text())
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
        do {
            var body = RegisterBrokerBody()
            body.topicConfigTable = TopicConfigTable(topics: topics, dataVersion: try DataVersion(json: JSONValue(parsing: version)))
            if !servers.isEmpty { body.filterServers = try String.readList(JSONValue(parsing: servers), "filterServerList") }
            return body
        } catch {
            throw .json(error)
        }
    }

    private static func text(from reader: inout ByteReader) throws(RegistrationError) -> String {
        let length = reader.readInt32() ?? -1
        guard let text = reader.readString(utf8Count: Int(length)) else {
            throw .badLength(length, available: reader.remaining)
        }
        return text
    }
}

extension ByteWriter {
    fileprivate mutating func write(lengthAnd text: String) {
        write(Int32(truncatingIfNeeded: text.utf8.count))
        write(utf8: text)
    }
}
