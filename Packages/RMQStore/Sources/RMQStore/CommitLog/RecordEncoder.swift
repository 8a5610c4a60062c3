public import RMQCommon

/// What all records of one send share.
public struct RecordAttributes: Sendable {
    /// The application's own number.
    public var flag: Int32 = 0
    /// Compression and transaction bits as received; the address family bits are set by the encoder.
    public var systemFlag: Int32 = 0
    /// When the producer made the message, in milliseconds since 1970.
    public var bornTimestamp: Int64
    /// The producer's end of the connection.
    public var bornHost: HostAddress
    /// The address that the broker advertises.
    public var storeHost: HostAddress
    /// How often consumers have sent it back.
    public var reconsumeTimes: Int32 = 0
    /// Where the half message of a committed transaction is; 0 for all else.
    public var preparedTransactionOffset: Int64 = 0

    public init(bornTimestamp: Int64, bornHost: HostAddress, storeHost: HostAddress) {
        self.bornTimestamp = bornTimestamp
        self.bornHost = bornHost
        self.storeHost = storeHost
    }
}

/// Turns messages into stored records, in scratch space that is used again for every message.
///
/// One per event loop or thread. No lock is held while it works, and in steady state it allocates nothing.
///
///     scratch   ┌ kept ────────────┐
///               │ draft 0, draft 1 │ the draft being made | room for properties that its append adds
///
/// A draft is overwritten by the next one unless an ``AppendBatch`` keeps it; the space grows only while none is kept.
public final class RecordEncoder {
    /// `maxMessageSize`: the longest body (of a batch: the whole batch body), in bytes.
    public var maxMessageBytes: Int
    private var scratch: UnsafeMutableRawBufferPointer
    private var entries: UnsafeMutableBufferPointer<RecordDraft.Entry>
    /// Where the next draft and its entries begin.
    private var keptBytes = 0
    private var keptEntries = 0

    public convenience init(maxMessageBytes: Int = 4 << 20) {
        self.init(maxMessageBytes: maxMessageBytes, scratchBytes: 64 << 10, drafts: 64)
    }

    /// - Parameter drafts: how many may be kept at once.
    init(maxMessageBytes: Int, scratchBytes: Int, drafts: Int) {
        self.maxMessageBytes = maxMessageBytes
        scratch = .allocate(byteCount: scratchBytes, alignment: 16)
        entries = .allocate(capacity: drafts)
    }

    deinit {
        scratch.deallocate()
        entries.deallocate()
    }

    /// Encodes one message.
    ///
    /// - Parameters:
    ///   - properties: the encoded properties as received.
    ///   - addedProperties: encoded properties that the broker adds, such as `CLUSTER`; they come last, so they win.
    ///   - tagCode: what the consume queue entry carries; nil: the hash of the property `TAGS`.
    public func encode(
        queue: ConsumeQueue, attributes: borrowing RecordAttributes, body: UnsafeRawBufferPointer,
        properties: UnsafeRawBufferPointer, addedProperties: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        tagCode: Int64? = nil
    ) throws(StoreError) -> RecordDraft {
        let systemFlag = systemFlag(attributes)
        guard body.count <= maxMessageBytes else { throw .bodyTooLarge(bytes: body.count, limit: maxMessageBytes) }
        let count = try write(
            at: keptBytes, queue: queue, attributes: attributes, flag: attributes.flag, systemFlag: systemFlag, body: body,
            properties: properties, addedProperties: addedProperties)
        let code = tagCode ?? PropertyScan.tagCode(properties, addedProperties)
        reserveEntries(keptEntries + 1)
        entries[keptEntries] = RecordDraft.Entry(byteCount: Int32(count), tagCode: code)
        return draft(byteCount: count, messageCount: 1, queue, systemFlag, room: RecordLayout.maxPropertiesBytes)
    }

    /// Encodes the elements of a batch body as one record each; they are appended together or not at all.
    ///
    /// Flag and properties come from the element, all else from `attributes`. An element with a delay level is stored undelayed,
    /// as at the reference.
    ///
    ///     0      4       8     12     16          20     20+n         22+n
    ///     +------+-------+-----+------+-----------+------+------------+------------+
    ///     | size | magic | crc | flag | body len  | body | props len  | properties |   size, magic and crc are ignored
    ///     +------+-------+-----+------+-----------+------+------------+------------+
    public func encodeBatch(
        queue: ConsumeQueue, attributes: borrowing RecordAttributes, elements: UnsafeRawBufferPointer,
        addedProperties: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(StoreError) -> RecordDraft {
        let systemFlag = systemFlag(attributes)
        guard systemFlag & RecordLayout.transactionMask == 0 else { throw .batchNotAllowed(reason: "it is part of a transaction") }
        guard elements.count <= maxMessageBytes else { throw .bodyTooLarge(bytes: elements.count, limit: maxMessageBytes) }
        guard addedProperties.count <= RecordLayout.maxPropertiesBytes else {
            throw .propertiesTooLarge(bytes: addedProperties.count, limit: RecordLayout.maxPropertiesBytes)
        }
        var reader = ByteReader(elements)
        var position = keptBytes
        var count = 0
        while reader.remaining > 0 {
            let start = reader.position
            guard reader.skip(12), let flag = reader.readInt32(), let bodyLength = reader.readInt32(),
                let body = reader.readBytes(Int(bodyLength)), let propertiesLength = reader.readInt16(),
                let properties = reader.readBytes(Int(propertiesLength))
            else { throw .malformedBatch(at: start, reason: "a length reaches beyond the body") }
            let written = try write(
                at: position, queue: queue, attributes: attributes, flag: flag, systemFlag: systemFlag, body: body,
                properties: properties, addedProperties: addedProperties)
            reserveEntries(keptEntries + count + 1)
            entries[keptEntries + count] = RecordDraft.Entry(byteCount: Int32(written), tagCode: PropertyScan.tagCode(properties, addedProperties))
            position += written
            count += 1
        }
        guard count > 0 else { throw .malformedBatch(at: 0, reason: "it is empty") }
        return draft(byteCount: position - keptBytes, messageCount: count, queue, systemFlag, room: 0)
    }

    private func draft(byteCount: Int, messageCount: Int, _ queue: ConsumeQueue, _ systemFlag: Int32, room: Int) -> RecordDraft {
        RecordDraft(
            bytes: UnsafeMutableRawBufferPointer(rebasing: scratch[keptBytes..<keptBytes + byteCount]), room: room,
            entries: UnsafeMutableBufferPointer(rebasing: entries[keptEntries..<keptEntries + messageCount]), queue: queue, systemFlag: systemFlag)
    }

    // MARK: Keeping drafts

    /// Whether one more message, however long its properties, can be encoded behind those that are kept. Always when none is.
    func hasRoom(forBody byteCount: Int) -> Bool {
        keptBytes + RecordLayout.mostBytesBesideBody + RecordLayout.maxPropertiesBytes + byteCount <= scratch.count && keptEntries < entries.count
            || keptEntries == 0
    }

    /// Leaves the draft that was made last where it is until ``forgetKept()``.
    /// - Parameter leavingRoom: whether its append adds properties.
    func keep(_ draft: RecordDraft, leavingRoom: Bool) {
        assert(draft.bytes.baseAddress == scratch.baseAddress! + keptBytes, "only the last draft can be kept")
        keptBytes += draft.byteCount + (leavingRoom ? draft.room : 0)
        keptEntries += draft.messageCount
    }

    func forgetKept() {
        keptBytes = 0
        keptEntries = 0
    }

    /// The system flag to store: the received one, with the hosts' address families.
    private func systemFlag(_ attributes: borrowing RecordAttributes) -> Int32 {
        var systemFlag = attributes.systemFlag & ~(RecordLayout.bornHostIPv6 | RecordLayout.storeHostIPv6)
        if attributes.bornHost.isIPv6 { systemFlag |= RecordLayout.bornHostIPv6 }
        if attributes.storeHost.isIPv6 { systemFlag |= RecordLayout.storeHostIPv6 }
        return systemFlag
    }

    /// Writes one record at `start` of the scratch space and returns its length.
    private func write(
        at start: Int, queue: ConsumeQueue, attributes: borrowing RecordAttributes, flag: Int32, systemFlag: Int32,
        body: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer, addedProperties: UnsafeRawBufferPointer
    ) throws(StoreError) -> Int {
        let topic = queue.topicBytes
        let separator = PropertyScan.needsSeparator(properties, addedProperties) ? 1 : 0
        let propertiesCount = properties.count + separator + addedProperties.count
        guard topic.count <= RecordLayout.maxTopicBytes else { throw .topicTooLong(bytes: topic.count, limit: RecordLayout.maxTopicBytes) }
        guard propertiesCount <= RecordLayout.maxPropertiesBytes else {
            throw .propertiesTooLarge(bytes: propertiesCount, limit: RecordLayout.maxPropertiesBytes)
        }
        let count = RecordLayout.fixedByteCount + attributes.bornHost.byteCount + attributes.storeHost.byteCount + body.count + topic.count + propertiesCount
        // Some messages get more properties by the append.
        reserve(start + count + RecordLayout.maxPropertiesBytes)
        var at = Cursor(scratch.baseAddress! + start)
        at.put(Int32(count))
        at.put(RecordLayout.magic)
        at.put(CRC32.rocketMQ(body))
        at.put(queue.queueId)
        at.put(flag)
        at.put(Int64(0))  // queue offset and physical offset: stamped by the append
        at.put(Int64(0))
        at.put(systemFlag)
        at.put(attributes.bornTimestamp)
        at.put(attributes.bornHost)
        at.put(Int64(0))  // store time: stamped by the append
        at.put(attributes.storeHost)
        at.put(attributes.reconsumeTimes)
        at.put(attributes.preparedTransactionOffset)
        at.put(Int32(body.count))
        at.put(body)
        at.put(UInt8(topic.count))
        at.put(topic)
        at.put(UInt16(propertiesCount))
        at.put(properties)
        if separator == 1 { at.put(PropertyScan.pairSeparator) }
        at.put(addedProperties)
        return count
    }

    private func reserve(_ byteCount: Int) {
        guard byteCount > scratch.count else { return }
        precondition(keptEntries == 0, "kept drafts point to the scratch space")
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, scratch.count * 2), alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(scratch))
        scratch.deallocate()
        scratch = larger
    }

    private func reserveEntries(_ count: Int) {
        guard count > entries.count else { return }
        precondition(keptEntries == 0, "kept drafts point to their entries")
        let larger = UnsafeMutableBufferPointer<RecordDraft.Entry>.allocate(capacity: entries.count * 2)
        _ = larger.update(fromContentsOf: entries)
        entries.deallocate()
        entries = larger
    }
}

/// Writes big-endian fields one after the other into space that was reserved before.
private struct Cursor {
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

    @inline(__always)
    mutating func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { put($0) }
    }
}
