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
/// The CRC covers the body as it is stored, compressed or not. A file of the commit log ends with a filler of at least 8 bytes: i32
/// the bytes left, i32 ``fillerMagic``. So a record of L bytes may start only where L + 8 bytes are left.
public enum MessageRecord {
    /// The second word of every record, by which a reader knows one.
    @inlinable public static var magic: Int32 { Int32(bitPattern: 0xDAA3_20A7) }
    /// The second word of what fills the rest of a commit-log file; never part of an answer.
    @inlinable public static var fillerMagic: Int32 { Int32(bitPattern: 0xCBD4_3194) }
    /// The two words of a filler.
    @inlinable public static var fillerByteCount: Int { 8 }

    /// Where the magic number is, in bytes from the start of the record; so for all offsets below.
    @inlinable public static var magicOffset: Int { 4 }
    /// The checksum of the stored body, 4 bytes.
    @inlinable public static var bodyCRCOffset: Int { 8 }
    /// The queue's number, 4 bytes.
    @inlinable public static var queueIdOffset: Int { 12 }
    /// The offset in the queue, 8 bytes; stamped when the record is appended.
    @inlinable public static var queueOffsetOffset: Int { 20 }
    /// The position in the commit log, 8 bytes; stamped when the record is appended.
    @inlinable public static var physicalOffsetOffset: Int { 28 }
    /// The ``SystemFlag``, 4 bytes, which says how long the two addresses are.
    @inlinable public static var systemFlagOffset: Int { 36 }
    /// The size of a record with both hosts IPv4 and nothing in body, topic and properties.
    @inlinable public static var minimumByteCount: Int { 91 }
    /// The longest topic that the 8-bit length can say.
    public static let topicByteLimit = 127

    /// When the broker stored it, 8 bytes; behind the producer's address.
    @inlinable public static func storeTimestampOffset(_ flag: SystemFlag) -> Int { flag.contains(.bornHostIPv6) ? 68 : 56 }

    /// The broker's address, 8 or 20 bytes.
    @inlinable public static func storeHostOffset(_ flag: SystemFlag) -> Int { storeTimestampOffset(flag) + 8 }

    /// How often consumers sent it back, 4 bytes.
    @inlinable public static func reconsumeTimesOffset(_ flag: SystemFlag) -> Int {
        storeHostOffset(flag) + (flag.contains(.storeHostIPv6) ? 20 : 8)
    }

    /// The length of the body, 4 bytes; what follows it has no fixed place.
    @inlinable public static func bodyLengthOffset(_ flag: SystemFlag) -> Int { reconsumeTimesOffset(flag) + 12 }

    /// The size of a record with these parts.
    @inlinable public static func byteCount(flag: SystemFlag, body: Int, topic: Int, properties: Int) -> Int {
        bodyLengthOffset(flag) + 4 + body + 1 + topic + 2 + properties
    }

    /// What a record can have beside its body: fields, IPv6 hosts, topic, properties.
    public static var mostBytesBesideBody: Int {
        byteCount(flag: [.bornHostIPv6, .storeHostIPv6], body: 0, topic: topicByteLimit, properties: MessageProperties.byteLimit)
    }
}

/// The fields of a record that stand before its body, but for size and magic.
public struct RecordFields: Sendable {
    /// The CRC of the body; ``write(to:body:topic:properties:addedProperties:)`` computes it anew.
    public var bodyCRC: Int32 = 0
    /// The queue's number.
    public var queueId: Int32 = 0
    /// The application's own number.
    public var flag: Int32 = 0
    /// The place in the queue.
    public var queueOffset: Int64 = 0
    /// The place in the commit log.
    public var physicalOffset: Int64 = 0
    /// Its host bits are those of the two hosts, whatever is set here.
    public var systemFlag: SystemFlag
    /// Milliseconds since 1970, by the producer's clock.
    public var bornTimestamp: Int64
    /// The producer's end of the connection.
    public var bornHost: HostAddress
    /// Milliseconds since 1970, by the broker's clock.
    public var storeTimestamp: Int64 = 0
    /// The address that the broker advertises.
    public var storeHost: HostAddress
    /// How often consumers have sent it back.
    public var reconsumeTimes: Int32 = 0
    /// Of a committed or rolled back message the place of its half message.
    public var preparedTransactionOffset: Int64 = 0

    /// Fields of a record that is to be written.
    public init(systemFlag: SystemFlag, bornTimestamp: Int64, bornHost: HostAddress, storeHost: HostAddress) {
        self.systemFlag = systemFlag.subtracting([.bornHostIPv6, .storeHostIPv6])
        if bornHost.isIPv6 { self.systemFlag.insert(.bornHostIPv6) }
        if storeHost.isIPv6 { self.systemFlag.insert(.storeHostIPv6) }
        self.bornTimestamp = bornTimestamp
        self.bornHost = bornHost
        self.storeHost = storeHost
    }

    /// Reads the fields of a record; nil when it is too short for them.
    public init?(_ record: UnsafeRawBufferPointer) {
        var reader = ByteReader(record)
        guard reader.skip(MessageRecord.bodyCRCOffset), let crc = reader.readInt32(), let queueId = reader.readInt32(), let flag = reader.readInt32(),
            let queueOffset = reader.readInt64(), let physicalOffset = reader.readInt64(),
            let systemFlag = reader.readInt32().map({ SystemFlag(rawValue: $0) }), let bornTimestamp = reader.readInt64(),
            let bornHost = HostAddress.read(&reader, isIPv6: systemFlag.contains(.bornHostIPv6)), let storeTimestamp = reader.readInt64(),
            let storeHost = HostAddress.read(&reader, isIPv6: systemFlag.contains(.storeHostIPv6)),
            let reconsumeTimes = reader.readInt32(), let prepared = reader.readInt64()
        else { return nil }
        self.init(systemFlag: systemFlag, bornTimestamp: bornTimestamp, bornHost: bornHost, storeHost: storeHost)
        bodyCRC = crc
        self.queueId = queueId
        self.flag = flag
        self.queueOffset = queueOffset
        self.physicalOffset = physicalOffset
        self.storeTimestamp = storeTimestamp
        self.reconsumeTimes = reconsumeTimes
        preparedTransactionOffset = prepared
    }

    /// Writes a whole record to memory that has room for it (``MessageRecord/byteCount(flag:body:topic:properties:)``).
    ///
    /// - Parameters:
    ///   - topic: at most ``MessageRecord/topicByteLimit`` bytes.
    ///   - properties: with `addedProperties`, which follow them, and what stands between, at most ``MessageProperties/byteLimit`` bytes.
    /// - Returns: the record's size.
    @discardableResult
    public func write(
        to target: UnsafeMutableRawPointer, body: UnsafeRawBufferPointer, topic: [UInt8], properties: UnsafeRawBufferPointer,
        addedProperties: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) -> Int {
        let needsPairEnd = PropertyText.needsPairEnd(properties, before: addedProperties)
        let propertiesCount = properties.count + (needsPairEnd ? 1 : 0) + addedProperties.count
        let count = MessageRecord.byteCount(flag: systemFlag, body: body.count, topic: topic.count, properties: propertiesCount)
        var at = RecordCursor(target)
        at.put(Int32(count))
        at.put(MessageRecord.magic)
        at.put(CRC32.rocketMQ(body))
        at.put(queueId)
        at.put(flag)
        at.put(queueOffset)
        at.put(physicalOffset)
        at.put(systemFlag.rawValue)
        at.put(bornTimestamp)
        at.put(bornHost)
        at.put(storeTimestamp)
        at.put(storeHost)
        at.put(reconsumeTimes)
        at.put(preparedTransactionOffset)
        at.put(Int32(body.count))
        at.put(body)
        at.put(UInt8(topic.count))
        topic.withUnsafeBytes { at.put($0) }
        at.put(UInt16(propertiesCount))
        at.put(properties)
        if needsPairEnd { at.put(PropertyText.pairEnd) }
        at.put(addedProperties)
        return count
    }
}

/// What of a record has no fixed place; valid while the record's bytes are.
public struct RecordParts {
    /// As it is stored, compressed or not.
    public let body: UnsafeRawBufferPointer
    /// UTF-8.
    public let topic: UnsafeRawBufferPointer
    /// A ``PropertyText``.
    public let properties: UnsafeRawBufferPointer
    /// Where the properties end, in bytes from the start of the record; the record's size unless its lengths contradict that.
    public let end: Int

    /// Finds the parts of a record.
    /// - Throws: `badLength` when a length reaches beyond it.
    public init(_ record: UnsafeRawBufferPointer, flag: SystemFlag) throws(RecordError) {
        var reader = ByteReader(record)
        guard reader.skip(MessageRecord.bodyLengthOffset(flag)), let bodyLength = reader.readInt32(), let body = reader.readBytes(Int(bodyLength)) else {
            throw .badLength(field: "bodyLength", value: record.count)
        }
        guard let topicLength = reader.readUInt8(), let topic = reader.readBytes(Int(topicLength)) else {
            throw .badLength(field: "topicLength", value: record.count)
        }
        guard let propertiesLength = reader.readInt16(), let properties = reader.readBytes(Int(propertiesLength)) else {
            throw .badLength(field: "propertiesLength", value: record.count)
        }
        self.body = body
        self.topic = topic
        self.properties = properties
        end = reader.position
    }
}

/// Writes big-endian fields one after the other into memory that has room for them.
private struct RecordCursor {
    private var position: UnsafeMutableRawPointer

    init(_ position: UnsafeMutableRawPointer) { self.position = position }

    @inline(__always)
    mutating func put<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
        position.storeBytes(of: value.bigEndian, as: Value.self)
        position += MemoryLayout<Value>.size
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        position.copyMemory(from: source, byteCount: bytes.count)
        position += bytes.count
    }

    @inline(__always)
    mutating func put(_ host: HostAddress) {
        host.store(to: position)
        position += host.byteCount
    }
}
