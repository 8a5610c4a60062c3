import RMQCommon

/// Decides which messages of a queue a read returns.
///
///     queue entry ─► matches(entry:) ─► readsRecords? ─► matches(record:) ─► returned
///                        no record touched                 memory, or the disk for a read from there
///
/// Both answers are asked on the reading thread, many times a read: quick, and without calling the store. A filter's type is known
/// where it is handed over, so each answer costs the call of one closure, into which the filter is compiled; nothing is allocated.
public protocol MessageFilter {
    /// Whether a message may be wanted, as far as its queue entry tells.
    func matches(entry: FilterEntry) -> Bool

    /// Whether records are looked at, too. False unless said otherwise.
    var readsRecords: Bool { get }

    /// What a look at one record costs besides its properties, in bytes that a comparison would go through. 0 unless said otherwise.
    ///
    /// A read ends early when the records that it looked at have cost too much, so that the turn of its thread stays short.
    var recordCost: Int { get }

    /// Whether a message is wanted, asked when its entry matches and ``readsRecords``. The record is whole, and checked if it comes
    /// from the disk.
    func matches(record: FilterRecord) -> Bool
}

extension MessageFilter {
    @inlinable public var readsRecords: Bool { false }
    @inlinable public var recordCost: Int { 0 }
    @inlinable public func matches(record: FilterRecord) -> Bool { true }
}

/// What a queue entry says about its message. Only while ``MessageFilter/matches(entry:)`` runs.
public struct FilterEntry {
    @usableFromInline let code: Int64
    // The read has it for as long as this lives.
    @usableFromInline unowned(unsafe) let queue: ConsumeQueue

    init(_ entry: QueueEntry, of queue: ConsumeQueue) {
        code = entry.tagCode
        self.queue = queue
    }

    /// The hash of the tags, or of a delayed message the time of its delivery; nil when a damaged extension cannot tell.
    @inlinable
    public var tagCode: Int64? { code >= Int64(Int32.min) ? code : extendedTagCode }

    @usableFromInline
    var extendedTagCode: Int64? { queue.extensions.tagCode(at: code) }

    /// Store time and filter bit map; nil when the queue was written without an extension.
    public var extensionUnit: QueueExtensionUnit? { QueueExtension.isAddress(code) ? queue.extensions.unit(at: code) : nil }

    /// The same without a copy: shows store time (milliseconds since 1970) and bit map to `body`, for as long as it runs.
    /// - Returns: nil when the queue was written without an extension.
    public func withExtension<Result>(_ body: (_ storeTimestamp: Int64, _ bitmap: UnsafeRawBufferPointer) -> Result) -> Result? {
        QueueExtension.isAddress(code) ? queue.extensions.withUnit(at: code, body) : nil
    }
}

/// A message's record. Its bytes are those of the log, only while ``MessageFilter/matches(record:)`` runs.
public struct FilterRecord {
    /// UTF-8, without a length in front.
    public let topic: UnsafeRawBufferPointer
    /// Encoded, as `MessageProperties` reads them.
    public let properties: UnsafeRawBufferPointer
    /// In milliseconds since 1970.
    public let storeTimestamp: Int64

    init(_ record: CheckedRecord) {
        topic = record.topic
        properties = record.properties
        storeTimestamp = record.storeTimestamp
    }

    /// The value of one property; nil when it is absent or empty.
    public func value(of name: StaticString) -> UnsafeRawBufferPointer? { PropertyText.value(name, in: properties) }
}
