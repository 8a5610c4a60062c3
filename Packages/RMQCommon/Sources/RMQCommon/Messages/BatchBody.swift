/// Why messages do not make a batch, or bytes are not one.
public enum BatchError: Error, Equatable, Sendable {
    case empty
    case propertiesTooLong(bytes: Int, limit: Int)
    /// Entry `index` ends beyond the body or has a negative length.
    case malformedEntry(index: Int)
    /// All messages of a batch have one topic.
    case differentTopics(String, String)
}

/// The body of a batch send: one entry after the other, without a count; all numbers big endian.
///
///     0            4       8     12     16            20     20 + n              +2
///     +------------+-------+-----+------+-------------+------+-------------------+------------+
///     | total size | magic | CRC | flag | body length | body | properties length | properties |
///     |            | 0     | 0   |      |             |      | i16               |            |
///     +------------+-------+-----+------+-------------+------+-------------------+------------+
///
/// Total size, magic and CRC are ignored by the reader, which walks by the two lengths.
public enum BatchBody {
    /// Bytes of an entry beside its body and its properties.
    public static let fixedByteCount = 22

    /// One entry as views of the batch's bytes.
    public struct Entry {
        /// The application's own number.
        public let flag: Int32
        /// As the producer sent it; valid while the batch's bytes are.
        public let body: UnsafeRawBufferPointer
        /// The text form of ``MessageProperties``; valid while the batch's bytes are.
        public let properties: UnsafeRawBufferPointer
    }

    public static func encode(_ messages: [Message]) throws(BatchError) -> [UInt8] {
        guard let first = messages.first else { throw .empty }
        var writer = ByteWriter(capacity: messages.reduce(0) { $0 + $1.body.count + 128 })
        for message in messages {
            guard message.topic.isExactly(first.topic) else { throw .differentTopics(first.topic, message.topic) }
            let properties = message.properties.encoded()
            guard properties.count <= MessageProperties.byteLimit else {
                throw .propertiesTooLong(bytes: properties.count, limit: MessageProperties.byteLimit)
            }
            writer.write(Int32(fixedByteCount + message.body.count + properties.count))
            writer.write(Int32(0))
            writer.write(Int32(0))
            writer.write(message.flag)
            writer.write(Int32(message.body.count))
            writer.write(bytes: message.body)
            writer.write(Int16(properties.count))
            writer.write(bytes: properties)
        }
        return writer.bytes
    }

    /// The next entry; nil at the end.
    public static func next(_ reader: inout ByteReader, index: Int) throws(BatchError) -> Entry? {
        guard !reader.isAtEnd else { return nil }
        guard reader.skip(12), let flag = reader.readInt32(), let bodyLength = reader.readInt32(),
            let body = reader.readBytes(Int(bodyLength)), let propertiesLength = reader.readInt16(),
            let properties = reader.readBytes(Int(propertiesLength))
        else { throw .malformedEntry(index: index) }
        return Entry(flag: flag, body: body, properties: properties)
    }

    /// Walks the entries in order; the views are valid while `bytes` are.
    public static func forEach(_ bytes: UnsafeRawBufferPointer, _ visit: (Entry) -> Void) throws(BatchError) {
        var reader = ByteReader(bytes)
        var index = 0
        while let entry = try next(&reader, index: index) {
            visit(entry)
            index += 1
        }
    }

    /// - Parameter topic: the topic of the send, which the entries do not repeat.
    public static func decode(_ bytes: [UInt8], topic: String) throws(BatchError) -> [Message] {
        try bytes.withUnsafeBytes { bytes in
            Result { () throws(BatchError) in
                var messages: [Message] = []
                try forEach(bytes) {
                    messages.append(
                        Message(topic: topic, body: [UInt8]($0.body), properties: MessageProperties(decoding: $0.properties), flag: $0.flag))
                }
                return messages
            }
        }.get()
    }
}
