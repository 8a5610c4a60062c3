import RMQCommon
import Synchronization

extension MessageStore {
    /// Every record below is in its consume queue and may be seen by consumers.
    public var dispatchedOffset: Int64 { progress.readableOffset }

    /// Makes the records below `limit` readable and tells the arrival listener. From any thread, without the append lock.
    /// - Throws: when a consume queue cannot be written; the record in question is the next one to be dispatched.
    func dispatch(below limit: Int64) throws(StoreError) {
        guard dispatcher.offset.load(ordering: .relaxed) < limit else { return }
        // Some batches may be readable before one fails.
        defer { growth.moved() }
        try dispatcher.state.withLock { (state) throws(StoreError) in
            // The role may have changed while this thread waited; it does not while the state is held.
            if publishesAtAppend { return }
            var offset = dispatcher.offset.load(ordering: .relaxed)
            var isComplete = true
            while offset < limit, isComplete {
                state.arrivals.removeAll(keepingCapacity: true)
                let segments = log.snapshot
                let (listener, failure) = appendLock.withLock { append in
                    var failure: StoreError?
                    do throws(StoreError) {
                        isComplete = try dispatchBatch(&state, &append, segments, &offset, limit)
                    } catch {
                        failure = error
                    }
                    for arrival in state.arrivals { markDirty(arrival.queue, &append) }
                    if offset >= limit, !append.deletedBelow.isEmpty {
                        append.deletedBelow = append.deletedBelow.filter { $0.value > offset }
                    }
                    dispatcher.offset.store(offset, ordering: .releasing)
                    return (append.listener, failure)
                }
                if let listener {
                    for arrival in state.arrivals {
                        listener(arrival.queue.topic, arrival.queue.queueId, arrival.newMaxOffset, arrival.tagCode)
                    }
                }
                if let failure { throw failure }
            }
        }
    }

    /// Writes the entries of some records from `offset` on, and moves it behind them.
    /// - Returns: false when only a part of the record at `offset` is there: a replica receives them in any pieces.
    private func dispatchBatch(
        _ state: inout Dispatcher.State, _ append: inout AppendState, _ segments: [MappedFile], _ offset: inout Int64, _ limit: Int64
    ) throws(StoreError) -> Bool {
        for _ in 0..<Dispatcher.batchRecords where offset < limit {
            if limit - offset < Int64(MessageRecord.fillerByteCount) { return false }
            guard let (segment, position) = CommitLog.range(at: offset, count: MessageRecord.fillerByteCount, in: segments, end: limit) else {
                // What retention took away needs no entries.
                offset = max(offset, min(limit, segments.first { $0.baseOffset > offset }?.baseOffset ?? limit))
                continue
            }
            guard RecordCheck.isComplete(segment, at: position, end: Int(min(limit - segment.baseOffset, Int64(segment.byteCount)))) else {
                return false
            }
            switch RecordCheck.check(segment, at: position, verifiesBody: false) {
            case .record(let record):
                let isDeleted = !append.deletedBelow.isEmpty && append.isDeleted(record)
                if !isDeleted { _ = try state.builder.dispatch(record, into: &state.arrivals, append) }
                offset = record.end
            case .filler:
                offset = segment.baseOffset + Int64(segment.byteCount)
            case .invalid(let reason):
                // Somebody else wrote to the file. Like the reference: go on with the next one.
                logger.error("no queue entries for what follows \(offset) in \(segment.path): \(reason)")
                offset = segment.baseOffset + Int64(segment.byteCount)
            }
        }
        return true
    }
}

extension AppendState {
    /// Whether the record was appended before its topic was deleted.
    fileprivate func isDeleted(_ record: CheckedRecord) -> Bool {
        deletedBelow.contains { record.physicalOffset < $0.value && record.topic.elementsEqual($0.key.text.utf8) }
    }
}
