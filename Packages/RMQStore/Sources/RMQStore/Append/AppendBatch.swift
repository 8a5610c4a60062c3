/// Messages that are appended together: those of one wake-up of an event loop.
///
///     encoder.encode ─► add ─► … ─► store.append(batch) ─► outcome(0), outcome(1), … ─► removeAll
///
/// One per event loop or thread. Each message stands for itself: it may be refused or fail while others are stored. The drafts
/// stay where they were encoded, one behind the other, so that neighbours are written in one call. In steady state nothing
/// allocates.
public final class AppendBatch {
    /// For the drafts that are to be added.
    public let encoder: RecordEncoder
    var staged: [StagedAppend] = []
    private let store: MessageStore

    /// What the drafts of one batch take at most, unless it is a single one that is longer. A loop reads 256 KiB from each
    /// connection at a time: this holds what four of them sent, and a longer write gains nothing.
    public static let stagingByteLimit = 1 << 20

    /// - Parameter maxMessageBytes: the longest body that will be encoded, as in ``RecordEncoder/maxMessageBytes``.
    public init(for store: MessageStore, maxMessageBytes: Int) {
        self.store = store
        encoder = RecordEncoder(maxMessageBytes: maxMessageBytes, scratchBytes: Self.stagingByteLimit, drafts: Self.stagingByteLimit / 256)
    }

    /// How many drafts wait to be appended.
    public var count: Int { staged.count }
    /// Whether nothing waits to be appended.
    public var isEmpty: Bool { staged.isEmpty }

    /// Whether one more message can be encoded; if not, what is there has to be appended first.
    public func hasRoom(forBody byteCount: Int) -> Bool { encoder.hasRoom(forBody: byteCount) }

    /// Takes the draft that ``encoder`` made last.
    /// - Throws: what is wrong with the message itself.
    public func add(_ draft: RecordDraft) throws(StoreError) {
        let append = try store.stage(draft)
        // Its properties grow when the offsets in those queues are known.
        encoder.keep(draft, leavingRoom: !append.multiDispatch.isEmpty)
        staged.append(append)
    }

    /// What became of a message, by its place in the batch. After ``MessageStore/append(_:)-(AppendBatch)``.
    public func outcome(_ index: Int) -> Result<AppendResult, StoreError> { staged[index].outcome }

    /// Begins the next batch.
    public func removeAll() {
        staged.removeAll(keepingCapacity: true)
        encoder.forgetKept()
    }
}
