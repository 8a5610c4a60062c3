/// One draft on its way into the log.
///
///     accepted ──► placed ──► appended
///        │            │
///        └────────────┴─────► failed         a placed one gives its queue offsets back
struct StagedAppend {
    enum Progress {
        case accepted
        /// It has its offsets and its store time, and is not written yet.
        case placed(AppendResult)
        case appended(AppendResult)
        case failed(StoreError)
    }

    var draft: RecordDraft
    /// As ``AppendResult/batchByteCounts``: made before the append lock is taken.
    let batchByteCounts: [Int32]
    /// The draft's, or the one that took its place when its topic was deleted.
    var queue: ConsumeQueue
    /// The queues that it enters beside its own, as its properties list them.
    var multiDispatch: [ConsumeQueue]
    /// Those of ``multiDispatch`` that have an offset for it, each once, with their ends then.
    var entered: [Dispatcher.Arrival] = []
    var progress = Progress.accepted

    init(_ draft: RecordDraft, multiDispatch: [ConsumeQueue]) {
        self.draft = draft
        batchByteCounts = draft.messageCount == 1 ? [] : draft.entries.map(\.byteCount)
        queue = draft.queue
        self.multiDispatch = multiDispatch
    }

    var outcome: Result<AppendResult, StoreError> {
        switch progress {
        case .appended(let result): return .success(result)
        case .failed(let error): return .failure(error)
        case .accepted, .placed: preconditionFailure("the outcome of an append that was not made")
        }
    }
}

/// Neighbours in memory that become neighbours in the log: one write.
///
///     staged   0 ████ 1 ███ 2 (failed) 3 ██████ 4 ██
///     runs     └─── 0..<2 ─┘           └── 3..<5 ──┘
struct AppendRun {
    private(set) var indices = 0..<0
    private(set) var bytes = UnsafeRawBufferPointer(start: nil, count: 0)

    var isEmpty: Bool { indices.isEmpty }
    var byteCount: Int { bytes.count }

    /// Whether `draft` begins where the run ends.
    func isFollowed(by draft: RecordDraft) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        return base + bytes.count == UnsafeRawPointer(draft.bytes.baseAddress!)
    }

    mutating func add(_ index: Int, _ draft: RecordDraft) {
        assert(isFollowed(by: draft) && (isEmpty || index == indices.upperBound), "only neighbours make a run")
        indices = isEmpty ? index..<index + 1 : indices.lowerBound..<index + 1
        bytes = UnsafeRawBufferPointer(start: bytes.baseAddress ?? UnsafeRawPointer(draft.bytes.baseAddress!), count: byteCount + draft.byteCount)
    }
}
