/// What a read found, named as clients know it.
public enum ReadStatus: Int32, Sendable, CaseIterable {
    case found = 0
    /// Messages were looked at and none matched the filter.
    case noMatchedMessage
    /// The entries are there, the records are not any more.
    case messageWasRemoving
    /// The queue's file for this offset is gone; go on with the next one.
    case offsetFoundNull
    /// Beyond the end by more than one.
    case offsetOverflowBadly
    /// Exactly at the end: nothing new.
    case offsetOverflowOne
    case offsetTooSmall
    /// No such queue.
    case noMatchedLogicQueue
    case noMessageInQueue

    /// The reference's name, which travels as the remark of a response.
    public var name: StaticString {
        switch self {
        case .found: "FOUND"
        case .noMatchedMessage: "NO_MATCHED_MESSAGE"
        case .messageWasRemoving: "MESSAGE_WAS_REMOVING"
        case .offsetFoundNull: "OFFSET_FOUND_NULL"
        case .offsetOverflowBadly: "OFFSET_OVERFLOW_BADLY"
        case .offsetOverflowOne: "OFFSET_OVERFLOW_ONE"
        case .offsetTooSmall: "OFFSET_TOO_SMALL"
        case .noMatchedLogicQueue: "NO_MATCHED_LOGIC_QUEUE"
        case .noMessageInQueue: "NO_MESSAGE_IN_QUEUE"
        }
    }
}

/// What one read returns: whole records in order, as ranges of mapped files.
public struct ReadResult: Sendable {
    /// Whether there are messages, and if not, where the offset lay.
    public var status: ReadStatus = .noMatchedLogicQueue
    /// Where the caller goes on.
    public var nextOffset: Int64 = 0
    /// The queue's oldest offset when it was read; 0 for an unknown queue.
    public var minOffset: Int64 = 0
    /// The end of the queue when it was read: the offset of the next message; 0 for an unknown queue.
    public var maxOffset: Int64 = 0
    /// Records back to back. Neighbours in the log share a chunk.
    public var chunks: [MappedRange] = []
    /// Records in all chunks.
    public var messageCount = 0
    /// The size of all chunks.
    public var byteCount = 0
    /// How far back in the log the last message looked at lies.
    public var bytesBehind: Int64 = 0
    /// When the last of the messages was stored, in milliseconds since 1970; 0 without one.
    public var lastStoreTimestamp: Int64 = 0
    /// The reader is so far behind that it reads from the disk; a replica could serve it.
    public var suggestsReplica = false
    /// A read from memory stopped at something that is on the disk only: a read from there goes on at ``nextOffset``.
    public var needsDisk = false
    /// Where in the log the reader will get to soon, if that is on the disk only: for ``MessageStore/readAhead(at:)``.
    public var wantedAhead: Int64?

    /// An empty result, to be filled by ``MessageStore/read(_:offset:maxCount:maxBytes:from:into:)`` again and again.
    public init() {}

    mutating func reset() {
        status = .noMatchedLogicQueue
        nextOffset = 0
        minOffset = 0
        maxOffset = 0
        chunks.removeAll(keepingCapacity: true)
        messageCount = 0
        byteCount = 0
        bytesBehind = 0
        lastStoreTimestamp = 0
        suggestsReplica = false
        needsDisk = false
        wantedAhead = nil
    }
}

/// Where an append went. Batches: the first message; the others follow one by one.
public struct AppendResult: Sendable, Equatable {
    /// Where in the log the record begins.
    public var physicalOffset: Int64
    /// The size of all records of it.
    public var byteCount: Int
    /// Its place in its queue.
    public var queueOffset: Int64
    /// 1, or the number of messages of a batch.
    public var messageCount: Int
    /// How long the record of each message of a batch is; they lie one behind the other. Empty for a single message.
    public var batchByteCounts: [Int32] = []
    /// Milliseconds since 1970, as stamped into the record.
    public var storeTimestamp: Int64
    /// ``MessageStore/epoch`` when it was appended: in a later one, something else may be at its place.
    public var epoch: Int64 = 0

    /// Where in the log it ends.
    public var end: Int64 { physicalOffset + Int64(byteCount) }

    /// Where in the log the record of each message begins.
    public var physicalOffsets: [Int64] {
        var offset = physicalOffset
        return [offset] + batchByteCounts.dropLast().map { byteCount in
            offset += Int64(byteCount)
            return offset
        }
    }
}
