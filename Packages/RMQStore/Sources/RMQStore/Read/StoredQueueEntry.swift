/// One entry of a consume queue, for people who look into it.
public struct StoredQueueEntry: Equatable, Sendable {
    /// What is known of the message besides where it lies.
    public enum Content: Equatable, Sendable {
        /// The hash of its tags, or its due time while it is delayed.
        case tagCode(Int64)
        /// The unit of the queue's extension that the entry leads to.
        case unit(QueueExtensionUnit)
        /// The entry leads to a unit that is not there.
        case missingUnit
    }

    /// Where the record begins in the commit log, in bytes.
    public let position: Int64
    /// The length of the record.
    public let byteCount: Int32
    /// What stands in the entry itself: a tag code, or the address of an extension unit.
    public let code: Int64
    /// What that stands for.
    public let content: Content
}

extension MessageStore {
    /// The entries of a queue from an offset on, as many of them as there are.
    /// - Throws: when a file of the queue cannot be mapped.
    public func entries(of queue: ConsumeQueue, from offset: Int64, count: Int) throws(StoreError) -> [StoredQueueEntry] {
        var entries: [StoredQueueEntry] = []
        for index in 0..<Int64(count) {
            guard let entry = try queue.entry(at: offset + index) else { break }
            let content: StoredQueueEntry.Content
            if QueueExtension.isAddress(entry.tagCode) {
                content = queue.extensions.unit(at: entry.tagCode).map { .unit($0) } ?? .missingUnit
            } else {
                content = .tagCode(entry.tagCode)
            }
            entries.append(StoredQueueEntry(position: entry.position, byteCount: entry.size, code: entry.tagCode, content: content))
        }
        return entries
    }
}
