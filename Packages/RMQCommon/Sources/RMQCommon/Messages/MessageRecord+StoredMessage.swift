/// Why bytes are not a message record.
public enum RecordError: Error, Equatable, Sendable {
    /// The record claims more bytes than there are.
    case truncated(needed: Int, available: Int)
    case badMagic(UInt32)
    /// A length field that contradicts the record's size.
    case badLength(field: String, value: Int)
    case compression(CompressionError)
}

/// Records as messages.
extension MessageRecord {
    /// What a compressed body may grow to: far above any broker's message limit, far below what hurts.
    public static let decompressedLimit = 64 * 1024 * 1024

    /// Writes the record of a message whose body is in its stored form. Size, CRC and the host bits of the flag follow from the content.
    ///
    /// - Precondition: the topic has at most 127 bytes and the properties at most 32,767.
    public static func encode(_ message: StoredMessage) -> [UInt8] {
        var fields = RecordFields(
            systemFlag: message.systemFlag, bornTimestamp: message.bornTimestamp, bornHost: message.bornHost, storeHost: message.storeHost)
        fields.queueId = message.queueId
        fields.flag = message.flag
        fields.queueOffset = message.queueOffset
        fields.physicalOffset = message.physicalOffset
        fields.storeTimestamp = message.storeTimestamp
        fields.reconsumeTimes = message.reconsumeTimes
        fields.preparedTransactionOffset = message.preparedTransactionOffset
        let topic = [UInt8](message.topic.utf8)
        let properties = message.properties.encoded()
        precondition(topic.count <= topicByteLimit, "the topic was checked")
        precondition(properties.count <= MessageProperties.byteLimit, "the properties were checked")
        let size = byteCount(flag: fields.systemFlag, body: message.body.count, topic: topic.count, properties: properties.count)
        return [UInt8](unsafeUninitializedCapacity: size) { target, count in
            let target = UnsafeMutableRawPointer(target.baseAddress!)
            count = message.body.withUnsafeBytes { body in
                properties.withUnsafeBytes { fields.write(to: target, body: body, topic: topic, properties: $0) }
            }
        }
    }

    /// Reads the record at the start of `bytes`. The CRC is returned, not compared: only the store decides by it.
    ///
    /// - Parameter decompressing: restores a compressed body.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, decompressing: Bool
    ) throws(RecordError) -> (StoredMessage, byteCount: Int) {
        let (fields, parts, size) = try read(bytes)
        do {
            let body = try body(of: parts, fields.systemFlag, decompressing: decompressing)
            let topic = String(decoding: parts.topic, as: UTF8.self)
            return (StoredMessage(fields, size: size, topic: topic, body: body, properties: MessageProperties(decoding: parts.properties)), size)
        } catch {
            throw .compression(error)
        }
    }

    /// Finds the fields and the parts of the record at the start of `bytes`.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(RecordError) -> (RecordFields, RecordParts, byteCount: Int) {
        var whole = ByteReader(bytes)
        guard let size = whole.readInt32() else { throw .truncated(needed: minimumByteCount, available: bytes.count) }
        guard size >= minimumByteCount else { throw .badLength(field: "totalSize", value: Int(size)) }
        guard Int(size) <= bytes.count else { throw .truncated(needed: Int(size), available: bytes.count) }
        guard let found = whole.readInt32(), found == magic else {
            throw .badMagic(bytes.loadUnaligned(fromByteOffset: magicOffset, as: UInt32.self).bigEndian)
        }
        let record = UnsafeRawBufferPointer(rebasing: bytes[..<Int(size)])
        guard let fields = RecordFields(record) else { throw .badLength(field: "totalSize", value: Int(size)) }
        return (fields, try RecordParts(record, flag: fields.systemFlag), Int(size))
    }

    /// - Parameter decompressing: restores a compressed body.
    static func body(of parts: RecordParts, _ flag: SystemFlag, decompressing: Bool) throws(CompressionError) -> [UInt8] {
        guard decompressing, flag.contains(.compressed) else { return [UInt8](copying: parts.body) }
        return try BodyCompression.restore(parts.body, flag: flag, limit: decompressedLimit)
    }

    /// Reads records until the bytes end.
    public static func decodeAll(_ bytes: [UInt8], decompressing: Bool) throws(RecordError) -> [StoredMessage] {
        let records = try RecordBatch(bytes, decompressing: decompressing)
        if let first = records.unreadable.first { throw .compression(first.error) }
        return records.messages
    }
}

extension StoredMessage {
    init(_ fields: RecordFields, size: Int, topic: String, body: [UInt8], properties: MessageProperties, brokerName: String = "") {
        self.init(
            topic: topic, body: body, properties: properties, brokerName: brokerName, queueId: fields.queueId, queueOffset: fields.queueOffset, physicalOffset: fields.physicalOffset,
            storeSize: Int32(truncatingIfNeeded: size), bodyCRC: fields.bodyCRC, flag: fields.flag, systemFlag: fields.systemFlag,
            bornTimestamp: fields.bornTimestamp, bornHost: fields.bornHost, storeTimestamp: fields.storeTimestamp, storeHost: fields.storeHost,
            reconsumeTimes: fields.reconsumeTimes, preparedTransactionOffset: fields.preparedTransactionOffset)
    }
}

extension [UInt8] {
    /// Takes one copy, where the initializer for any sequence asks first how to take it.
    init(copying bytes: UnsafeRawBufferPointer) {
        self.init(unsafeUninitializedCapacity: bytes.count) { target, count in
            UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
            count = bytes.count
        }
    }
}
