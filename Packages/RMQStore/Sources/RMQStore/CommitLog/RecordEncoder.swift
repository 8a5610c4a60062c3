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
        let code = tagCode ?? PropertyText.tagCode(properties, addedProperties)
        reserveEntries(keptEntries + 1)
        entries[keptEntries] = RecordDraft.Entry(byteCount: Int32(count), tagCode: code)
        return draft(byteCount: count, messageCount: 1, queue, systemFlag, room: MessageProperties.byteLimit)
    }

    /// Encodes the elements of a batch body as one record each; they are appended together or not at all.
    ///
    /// Flag and properties come from the element, all else from `attributes`. An element with a delay level is stored undelayed,
    /// as at the reference.
    public func encodeBatch(
        queue: ConsumeQueue, attributes: borrowing RecordAttributes, elements: UnsafeRawBufferPointer,
        addedProperties: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(StoreError) -> RecordDraft {
        let systemFlag = systemFlag(attributes)
        guard systemFlag.transactionKind == .none else { throw .batchNotAllowed(reason: "it is part of a transaction") }
        guard elements.count <= maxMessageBytes else { throw .bodyTooLarge(bytes: elements.count, limit: maxMessageBytes) }
        guard addedProperties.count <= MessageProperties.byteLimit else {
            throw .propertiesTooLarge(bytes: addedProperties.count, limit: MessageProperties.byteLimit)
        }
        var reader = ByteReader(elements)
        var position = keptBytes
        var count = 0
        while let element = try nextElement(&reader, count) {
            let written = try write(
                at: position, queue: queue, attributes: attributes, flag: element.flag, systemFlag: systemFlag, body: element.body,
                properties: element.properties, addedProperties: addedProperties)
            reserveEntries(keptEntries + count + 1)
            entries[keptEntries + count] = RecordDraft.Entry(byteCount: Int32(written), tagCode: PropertyText.tagCode(element.properties, addedProperties))
            position += written
            count += 1
        }
        guard count > 0 else { throw .malformedBatch(at: 0, reason: "it is empty") }
        return draft(byteCount: position - keptBytes, messageCount: count, queue, systemFlag, room: 0)
    }

    /// The next element of a batch; nil at its end.
    private func nextElement(_ reader: inout ByteReader, _ index: Int) throws(StoreError) -> BatchBody.Entry? {
        let start = reader.position
        do throws(BatchError) {
            return try BatchBody.next(&reader, index: index)
        } catch {
            throw .malformedBatch(at: start, reason: "a length reaches beyond the body")
        }
    }

    private func draft(byteCount: Int, messageCount: Int, _ queue: ConsumeQueue, _ systemFlag: SystemFlag, room: Int) -> RecordDraft {
        RecordDraft(
            bytes: UnsafeMutableRawBufferPointer(rebasing: scratch[keptBytes..<keptBytes + byteCount]), room: room,
            entries: UnsafeMutableBufferPointer(rebasing: entries[keptEntries..<keptEntries + messageCount]), queue: queue, systemFlag: systemFlag)
    }

    // MARK: Keeping drafts

    /// Whether one more message, however long its properties, can be encoded behind those that are kept. Always when none is.
    func hasRoom(forBody byteCount: Int) -> Bool {
        keptBytes + MessageRecord.mostBytesBesideBody + MessageProperties.byteLimit + byteCount <= scratch.count && keptEntries < entries.count
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
    private func systemFlag(_ attributes: borrowing RecordAttributes) -> SystemFlag { fields(attributes).systemFlag }

    private func fields(_ attributes: borrowing RecordAttributes) -> RecordFields {
        RecordFields(
            systemFlag: SystemFlag(rawValue: attributes.systemFlag), bornTimestamp: attributes.bornTimestamp, bornHost: attributes.bornHost,
            storeHost: attributes.storeHost)
    }

    /// Writes one record at `start` of the scratch space and returns its length. Offsets and store time are stamped by the append.
    private func write(
        at start: Int, queue: ConsumeQueue, attributes: borrowing RecordAttributes, flag: Int32, systemFlag: SystemFlag,
        body: UnsafeRawBufferPointer, properties: UnsafeRawBufferPointer, addedProperties: UnsafeRawBufferPointer
    ) throws(StoreError) -> Int {
        let topic = queue.topicBytes
        let separator = PropertyText.needsPairEnd(properties, before: addedProperties) ? 1 : 0
        let propertiesCount = properties.count + separator + addedProperties.count
        guard topic.count <= MessageRecord.topicByteLimit else { throw .topicTooLong(bytes: topic.count, limit: MessageRecord.topicByteLimit) }
        guard propertiesCount <= MessageProperties.byteLimit else {
            throw .propertiesTooLarge(bytes: propertiesCount, limit: MessageProperties.byteLimit)
        }
        // Some messages get more properties by the append.
        reserve(start + MessageRecord.byteCount(flag: systemFlag, body: body.count, topic: topic.count, properties: propertiesCount) + MessageProperties.byteLimit)
        var fields = fields(attributes)
        fields.queueId = queue.queueId
        fields.flag = flag
        fields.reconsumeTimes = attributes.reconsumeTimes
        fields.preparedTransactionOffset = attributes.preparedTransactionOffset
        return fields.write(to: scratch.baseAddress! + start, body: body, topic: topic, properties: properties, addedProperties: addedProperties)
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
