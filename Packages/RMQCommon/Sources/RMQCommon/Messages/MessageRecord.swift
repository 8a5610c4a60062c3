/// Why bytes are not a message record.
public enum RecordError: Error, Equatable, Sendable {
    /// The record claims more bytes than there are.
    case truncated(needed: Int, available: Int)
    case badMagic(UInt32)
    /// A length field that contradicts the record's size.
    case badLength(field: String, value: Int)
    case compression(CompressionError)
}

/// A message in the commit log and in the bodies of pull, query and view answers; all numbers big endian.
///
///     0           4       8         12        16     20            28                36
///     +-----------+-------+---------+---------+------+-------------+-----------------+---------+
///     | total     | magic | body    | queue   | flag | queue       | physical        | system  |
///     | size      |       | CRC     | id      |      | offset  i64 | offset      i64 | flag    |
///     +-----------+-------+---------+---------+------+-------------+-----------------+---------+
///     40                 48          +8/20              +8                +8/20            +4
///     +------------------+-----------+------------------+-----------------+-----------+------------------+
///     | born time    i64 | born host | store time   i64 | store host      | reconsume | prepared         |
///     |                  | 8 or 20   |                  | 8 or 20         | times     | offset       i64 |
///     +------------------+-----------+------------------+-----------------+-----------+------------------+
///     84 (both IPv4)
///     +-------------+------+--------------+-------+--------------------+------------+
///     | body length | body | topic length | topic | properties length  | properties |
///     | i32         |      | i8           |       | i16                |            |
///     +-------------+------+--------------+-------+--------------------+------------+
///
/// The CRC covers the body as it is stored, compressed or not.
public enum MessageRecord {
    /// The second word of every record, by which a reader knows one.
    public static let magic: UInt32 = 0xDAA3_20A7
    /// Fills the rest of a commit-log file; never part of an answer.
    public static let endOfFileMagic: UInt32 = 0xCBD4_3194

    /// Where the magic number is, in bytes from the start of the record; so for all offsets below.
    public static let magicOffset = 4
    /// The checksum of the stored body, 4 bytes.
    public static let bodyCRCOffset = 8
    /// The queue's number, 4 bytes.
    public static let queueIdOffset = 12
    /// The application's number, 4 bytes.
    public static let flagOffset = 16
    /// The offset in the queue, 8 bytes; stamped when the record is appended.
    public static let queueOffsetOffset = 20
    /// The position in the commit log, 8 bytes; stamped when the record is appended.
    public static let physicalOffsetOffset = 28
    /// The ``SystemFlag``, 4 bytes, which says how long the two addresses are.
    public static let systemFlagOffset = 36
    /// When the producer made the message, 8 bytes.
    public static let bornTimestampOffset = 40
    /// The producer's address, 8 or 20 bytes.
    public static let bornHostOffset = 48
    /// The size of a record with both hosts IPv4 and nothing in body, topic and properties.
    public static let minimumByteCount = 91
    /// The longest topic that the 8-bit length can say.
    public static let topicByteLimit = 127
    /// What a compressed body may grow to: far above any broker's message limit, far below what hurts.
    public static let decompressedLimit = 64 * 1024 * 1024

    /// When the broker stored it, 8 bytes; behind the producer's address.
    @inlinable public static func storeTimestampOffset(_ flag: SystemFlag) -> Int { flag.contains(.bornHostIPv6) ? 68 : 56 }

    /// The broker's address, 8 or 20 bytes.
    @inlinable public static func storeHostOffset(_ flag: SystemFlag) -> Int { storeTimestampOffset(flag) + 8 }

    /// How often consumers sent it back, 4 bytes.
    @inlinable public static func reconsumeTimesOffset(_ flag: SystemFlag) -> Int {
        storeHostOffset(flag) + (flag.contains(.storeHostIPv6) ? 20 : 8)
    }

    /// Where the prepared message of a transaction lies, 8 bytes.
    @inlinable public static func preparedTransactionOffsetOffset(_ flag: SystemFlag) -> Int { reconsumeTimesOffset(flag) + 4 }

    /// The length of the body, 4 bytes; what follows it has no fixed place.
    @inlinable public static func bodyLengthOffset(_ flag: SystemFlag) -> Int { reconsumeTimesOffset(flag) + 12 }

    /// The size of a record with these parts.
    @inlinable public static func byteCount(flag: SystemFlag, body: Int, topic: Int, properties: Int) -> Int {
        bodyLengthOffset(flag) + 4 + body + 1 + topic + 2 + properties
    }

    /// Writes the record of a message whose body is in its stored form. Size, CRC and the host bits of the flag follow from the content.
    ///
    /// - Precondition: the topic has at most 127 bytes and the properties at most 32,767.
    public static func encode(_ message: StoredMessage) -> [UInt8] {
        var flag = message.systemFlag.subtracting([.bornHostIPv6, .storeHostIPv6])
        if message.bornHost.isIPv6 { flag.insert(.bornHostIPv6) }
        if message.storeHost.isIPv6 { flag.insert(.storeHostIPv6) }
        let properties = message.properties.encoded()
        precondition(message.topic.utf8.count <= topicByteLimit, "the topic was checked")
        precondition(properties.count <= MessageProperties.byteLimit, "the properties were checked")
        let size = byteCount(flag: flag, body: message.body.count, topic: message.topic.utf8.count, properties: properties.count)

        var writer = ByteWriter(capacity: size)
        writer.write(Int32(size))
        writer.write(magic)
        writer.write(CRC32.rocketMQ(message.body))
        writer.write(message.queueId)
        writer.write(message.flag)
        writer.write(message.queueOffset)
        writer.write(message.physicalOffset)
        writer.write(flag.rawValue)
        writer.write(message.bornTimestamp)
        message.bornHost.write(to: &writer)
        writer.write(message.storeTimestamp)
        message.storeHost.write(to: &writer)
        writer.write(message.reconsumeTimes)
        writer.write(message.preparedTransactionOffset)
        writer.write(Int32(message.body.count))
        writer.write(bytes: message.body)
        writer.write(UInt8(message.topic.utf8.count))
        writer.write(utf8: message.topic)
        writer.write(Int16(properties.count))
        writer.write(bytes: properties)
        return writer.bytes
    }

    /// Reads the record at the start of `bytes`. The CRC is returned, not compared: only the store decides by it.
    ///
    /// - Parameter decompressing: restores a compressed body.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, decompressing: Bool
    ) throws(RecordError) -> (StoredMessage, byteCount: Int) {
        var whole = ByteReader(bytes)
        guard let size = whole.readInt32() else { throw .truncated(needed: minimumByteCount, available: bytes.count) }
        guard size >= minimumByteCount else { throw .badLength(field: "totalSize", value: Int(size)) }
        guard Int(size) <= bytes.count else { throw .truncated(needed: Int(size), available: bytes.count) }
        guard let found = whole.read(as: UInt32.self), found == magic else {
            throw .badMagic(bytes.loadUnaligned(fromByteOffset: magicOffset, as: UInt32.self).bigEndian)
        }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<Int(size)]))
        _ = reader.seek(to: bodyCRCOffset)
        guard var message = fixedFields(&reader) else { throw .badLength(field: "totalSize", value: Int(size)) }
        message.storeSize = size

        guard let bodyLength = reader.readInt32(), let body = reader.readBytes(Int(bodyLength)) else {
            throw .badLength(field: "bodyLength", value: Int(size))
        }
        guard let topicLength = reader.readUInt8(), let topic = reader.readString(utf8Count: Int(topicLength)) else {
            throw .badLength(field: "topicLength", value: Int(size))
        }
        guard let propertiesLength = reader.readInt16(), let properties = reader.readBytes(Int(propertiesLength)) else {
            throw .badLength(field: "propertiesLength", value: Int(size))
        }
        message.topic = topic
        message.properties = MessageProperties(decoding: properties)
        message.body = decompressing && message.systemFlag.contains(.compressed) ? try restore(body, message.systemFlag) : [UInt8](body)
        return (message, Int(size))
    }

    private static func fixedFields(_ reader: inout ByteReader) -> StoredMessage? {
        guard let crc = reader.readInt32(), let queueId = reader.readInt32(), let flag = reader.readInt32(),
            let queueOffset = reader.readInt64(), let physicalOffset = reader.readInt64(),
            let systemFlag = reader.readInt32().map({ SystemFlag(rawValue: $0) }), let bornTimestamp = reader.readInt64(),
            let bornHost = HostAddress.read(&reader, isIPv6: systemFlag.contains(.bornHostIPv6)), let storeTimestamp = reader.readInt64(),
            let storeHost = HostAddress.read(&reader, isIPv6: systemFlag.contains(.storeHostIPv6)),
            let reconsumeTimes = reader.readInt32(), let prepared = reader.readInt64()
        else { return nil }
        return StoredMessage(
            topic: "", body: [], queueId: queueId, queueOffset: queueOffset, physicalOffset: physicalOffset, bodyCRC: crc, flag: flag,
            systemFlag: systemFlag, bornTimestamp: bornTimestamp, bornHost: bornHost, storeTimestamp: storeTimestamp,
            storeHost: storeHost, reconsumeTimes: reconsumeTimes, preparedTransactionOffset: prepared)
    }

    private static func restore(_ body: UnsafeRawBufferPointer, _ flag: SystemFlag) throws(RecordError) -> [UInt8] {
        do {
            return try BodyCompression.restore(body, flag: flag, limit: decompressedLimit)
        } catch {
            throw .compression(error)
        }
    }

    /// Reads records until the bytes end.
    public static func decodeAll(_ bytes: [UInt8], decompressing: Bool) throws(RecordError) -> [StoredMessage] {
        try bytes.withUnsafeBytes { bytes -> Result<[StoredMessage], RecordError> in
            Result { () throws(RecordError) in
                var messages: [StoredMessage] = []
                var position = 0
                while position < bytes.count {
                    let (message, count) = try decode(UnsafeRawBufferPointer(rebasing: bytes[position...]), decompressing: decompressing)
                    messages.append(message)
                    position += count
                }
                return messages
            }
        }.get()
    }
}
