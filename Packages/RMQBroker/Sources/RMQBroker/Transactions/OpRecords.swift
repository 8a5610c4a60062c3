import RMQCommon
import RMQStore

/// The op records of a queue, one after the other. May wait for the disk.
struct OpRecords {
    struct Op {
        /// The one behind it.
        let next: Int64
        /// The queue offset of the half message that it is about; nil when it is no op record.
        let half: Int64?
    }

    private let store: MessageStore
    private let queue: ConsumeQueue
    private var offset: Int64
    private var result = ReadResult()
    private var page: [Op] = []
    private var position = 0

    /// What one call of the store reads.
    private static let pageCount = 32

    init(_ store: MessageStore, _ queue: ConsumeQueue, from offset: Int64) {
        self.store = store
        self.queue = queue
        self.offset = offset
    }

    /// Nil at the end of the queue, and where it cannot be read.
    mutating func next() -> Op? {
        while position >= page.count {
            store.read(queue, offset: offset, maxCount: Self.pageCount, into: &result)
            page = result.chunks.flatMap { RecordsInChunk($0.bytes).map(Self.op) }
            position = 0
            guard result.nextOffset > offset else { return nil }
            offset = result.nextOffset
        }
        defer { position += 1 }
        return page[position]
    }

    private static func op(_ record: UnsafeRawBufferPointer) -> Op {
        let offset = Int64(bigEndian: record.loadUnaligned(fromByteOffset: MessageRecord.queueOffsetOffset, as: Int64.self))
        // What cannot be read is passed over.
        guard let message = HalfMessage(record), PropertyText.value("TAGS", in: message.properties)?.isExactly("d") == true else {
            return Op(next: offset &+ 1, half: nil)
        }
        return Op(next: offset &+ 1, half: HalfMessage.number(message.body))
    }
}
