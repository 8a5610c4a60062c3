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
        var bytes: [UInt8] = []
        bytes.reserveCapacity(messages.reduce(0) { $0 + $1.body.count + 128 })
        for message in messages {
            guard message.topic.isExactly(first.topic) else { throw .differentTopics(first.topic, message.topic) }
            try append(flag: message.flag, body: message.body, to: &bytes) { $0 += message.properties.encoded() }
        }
        return bytes
    }

    /// Adds an entry to a batch.
    /// - Parameter addProperties: adds the property text, and nothing else.
    /// - Throws: ``BatchError/propertiesTooLong(bytes:limit:)``.
    public static func append(
        flag: Int32, body: [UInt8], to bytes: inout [UInt8], addProperties: (inout [UInt8]) -> Void
    ) throws(BatchError) {
        let start = bytes.count
        // Total size, magic, CRC, flag and body length; then the body and the length of the properties.
        withUnsafeBytes(of: (Int32(0), Int32(0), Int32(0), flag.bigEndian, Int32(body.count).bigEndian)) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: body)
        let lengthPlace = bytes.count
        bytes.append(0)
        bytes.append(0)
        addProperties(&bytes)
        let properties = bytes.count - lengthPlace - 2
        guard properties <= MessageProperties.byteLimit else {
            throw .propertiesTooLong(bytes: properties, limit: MessageProperties.byteLimit)
        }
        let total = Int32(bytes.count - start)
        bytes.withUnsafeMutableBytes {
            $0.storeBytes(of: total.bigEndian, toByteOffset: start, as: Int32.self)
            $0.storeBytes(of: Int16(properties).bigEndian, toByteOffset: lengthPlace, as: Int16.self)
        }
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
