import RMQCommon
import Synchronization

/// The way of a message into the log.
///
///     stage      no lock: limits, the queues it enters
///     ── append lock, once a batch ──
///     resolve    the queues that took the place of deleted ones; the offsets that go into the properties
///     makeRoom   in this segment or the next one
///     number     queue offsets, physical offset, store time
///     write      one call for a run of neighbours; publishes the log's new end
///     publish    queue entries: readable
///     ── unlock ──
///     tell       who waits for messages
///
/// The lock is held over the write: whatever is published has everything before it written, so no crash of the process
/// leaves a hole in front of an acknowledged message. A write that fails gives its offsets back, last one first.
extension MessageStore {
    /// Appends one message, or the messages of one batch body.
    ///
    /// The draft's bytes are stamped with offsets and the store time and written to the log, all under the append lock; a
    /// batch body goes into one segment as a whole or not at all. When this returns, the message survives a kill -9, and can be
    /// read unless the configuration makes it wait for more than that (``publishesAtAppend``).
    ///
    /// Complexity: a write of the bytes and 20 bytes per message. Blocks only when the next segment is not ready, for at most
    /// `segmentWait`.
    ///
    /// Under synchronous flush the message is safe once ``confirmedOffset`` has reached ``AppendResult/end``; the sync that
    /// brings it there is under way when this returns.
    @discardableResult
    public func append(_ draft: RecordDraft) throws(StoreError) -> AppendResult {
        try append(draft, wakesCommit: true)
    }

    /// - Parameter wakesCommit: false when the caller syncs by itself.
    func append(_ draft: RecordDraft, wakesCommit: Bool) throws(StoreError) -> AppendResult {
        try checkPageCache()
        var staged = [try stage(draft)]
        append(&staged, wakesCommit: wakesCommit)
        return try staged[0].outcome.get()
    }

    /// Appends the messages of a batch in their order, with one lock and, as a rule, one write. Each has its own outcome
    /// afterwards (``AppendBatch/outcome(_:)``); all else is as for a single one.
    public func append(_ batch: AppendBatch) {
        append(&batch.staged, wakesCommit: true)
    }

    private func append(_ staged: inout [StagedAppend], wakesCommit: Bool) {
        let began = CoarseClock.milliseconds()
        let listener = appendLock.withLock { state -> ArrivalListener? in
            guard flags.current.isEmpty else {
                let refusal = refusal()
                for index in staged.indices { staged[index].progress = .failed(refusal) }
                return nil
            }
            lockedSince.store(CoarseClock.milliseconds(), ordering: .relaxed)
            defer { lockedSince.store(0, ordering: .relaxed) }
            let before = state.counters.messages
            placeAndWrite(&staged, &state)
            guard state.counters.messages > before else { return nil }
            state.counters.times.record(milliseconds: CoarseClock.milliseconds() - began, count: state.counters.messages - before)
            reportPosition(&state)
            if wakesCommit || !flushesSynchronously { announceFlush(&state) }
            return publishesAtAppend && state.listenerHearsAppends ? state.listener : nil
        }
        growth.appended()
        tell(staged, listener)
    }

    /// Checks what needs no lock.
    func stage(_ draft: RecordDraft) throws(StoreError) -> StagedAppend {
        let limit = configuration.segmentBytes - MessageRecord.fillerByteCount
        guard draft.byteCount <= limit else { throw .recordTooLarge(bytes: draft.byteCount, limit: limit) }
        return StagedAppend(draft, multiDispatch: configuration.dispatchesToSeveral ? try multiDispatchQueues(of: draft) : [])
    }

    // MARK: Under the lock

    private func placeAndWrite(_ staged: inout [StagedAppend], _ state: inout AppendState) {
        let now = clocks.wall.now()
        var run = AppendRun()
        for index in staged.indices {
            if staged[index].draft.needsPrevious, index > 0, case .failed(let error) = staged[index - 1].progress {
                staged[index].progress = .failed(error)
                continue
            }
            do throws(StoreError) {
                try resolve(&staged[index], state)
            } catch {
                staged[index].progress = .failed(error)
                continue
            }
            do throws(StoreError) {
                try makeRoom(for: staged[index].draft, behind: &run, &staged, &state)
            } catch {
                // The log cannot go on: the next one would only wait for the same.
                for index in index..<staged.count { staged[index].progress = .failed(error) }
                return
            }
            do throws(StoreError) {
                try number(&staged[index], at: log.maxOffset + Int64(run.byteCount), now, state)
                run.add(index, staged[index].draft)
            } catch {
                staged[index].progress = .failed(error)
            }
        }
        // Those of the run have been told.
        try? write(&run, &staged, &state)
    }

    /// Finds the queues that took the place of deleted ones, and adds the offsets in others to the properties.
    @inline(__always)
    private func resolve(_ append: inout StagedAppend, _ held: borrowing AppendState) throws(StoreError) {
        if append.queue.isRetired(held) { append.queue = successor(of: append.queue) }
        if append.multiDispatch.isEmpty { return }
        append.multiDispatch = append.multiDispatch.map { $0.isRetired(held) ? successor(of: $0) : $0 }
        append.draft = try completed(append.draft, append.multiDispatch, held)
    }

    /// Sees to it that `draft` fits behind `run` in one segment, and is its neighbour in memory or begins a new run.
    @inline(__always)
    private func makeRoom(
        for draft: RecordDraft, behind run: inout AppendRun, _ staged: inout [StagedAppend], _ state: inout AppendState
    ) throws(StoreError) {
        if let segment = state.segment, state.position + run.byteCount + draft.byteCount + MessageRecord.fillerByteCount <= segment.byteCount {
            if run.isFollowed(by: draft) { return }
            return try write(&run, &staged, &state)
        }
        try write(&run, &staged, &state)
        try roll(draft.byteCount, &state)
    }

    /// Gives a message its queue offsets, its place in the log and its store time. What can fail comes first.
    @inline(__always)
    private func number(
        _ append: inout StagedAppend, at physicalOffset: Int64, _ now: Int64, _ held: borrowing AppendState
    ) throws(StoreError) {
        let numbered = append.draft.systemFlag.entersQueue
        if numbered, publishesAtAppend {
            try append.queue.prepare(upTo: append.queue.nextOffset(held) + Int64(append.draft.messageCount), held)
            for queue in append.multiDispatch { try queue.prepare(upTo: queue.nextOffset(held) + 1, held) }
        }
        let queueOffset = numbered ? append.queue.assign(append.draft.messageCount, held) : 0
        append.draft.stamp(physicalOffset: physicalOffset, queueOffset: queueOffset, storeTimestamp: now)
        if !append.multiDispatch.isEmpty { append.entered = enter(append, held) }
        append.progress = .placed(
            AppendResult(
                physicalOffset: physicalOffset, byteCount: append.draft.byteCount, queueOffset: queueOffset,
                messageCount: append.draft.messageCount, batchByteCounts: append.draft.batchByteCounts, storeTimestamp: now, epoch: epoch))
    }

    /// Writes a run to the log's end and publishes it. The run is empty afterwards, whatever happens.
    private func write(_ run: inout AppendRun, _ staged: inout [StagedAppend], _ state: inout AppendState) throws(StoreError) {
        guard !run.isEmpty, let segment = state.segment else { return }
        let (indices, bytes) = (run.indices, run.bytes)
        run = AppendRun()
        let start = segment.baseOffset + Int64(state.position)
        assert(start == log.maxOffset, "the log has no hole")
        do throws(StoreError) {
            try write(bytes, to: segment, &state)
        } catch {
            state.counters.failures += 1
            for index in indices.reversed() { takeBack(&staged[index], error, state) }
            throw error
        }
        state.position += bytes.count
        log.publish(start + Int64(bytes.count), state)
        for index in indices { publish(&staged[index], &state) }
        noteReadable(state)
    }

    /// Makes a message that is written readable, unless that has to wait.
    @inline(__always)
    private func publish(_ append: inout StagedAppend, _ state: inout AppendState) {
        guard case .placed(let result) = append.progress else { preconditionFailure("what is not placed is not written") }
        assert(result.end <= log.maxOffset, "no entry for what is not in the log")
        append.progress = .appended(result)
        state.lastStoreTimestamp = result.storeTimestamp
        state.counters.messages += result.messageCount
        state.counters.bytes += result.byteCount
        guard publishesAtAppend, append.draft.systemFlag.entersQueue else { return }
        let queue = append.queue
        assert(queue.maxOffset == result.queueOffset, "entries follow each other as offsets do")
        var physicalOffset = result.physicalOffset
        for entry in append.draft.entries {
            let code = queue.entryCode(entry.tagCode, storeTimestamp: result.storeTimestamp, state) {
                append.draft.properties(at: Int(physicalOffset - result.physicalOffset), count: Int(entry.byteCount))
            }
            queue.write(QueueEntry(position: physicalOffset, size: entry.byteCount, tagCode: code), state)
            physicalOffset += Int64(entry.byteCount)
        }
        markDirty(queue, &state)
        for arrival in append.entered {
            arrival.queue.write(QueueEntry(position: result.physicalOffset, size: Int32(result.byteCount), tagCode: arrival.tagCode), state)
            markDirty(arrival.queue, &state)
        }
    }

    /// The queues have what the log has, unless that comes later.
    @inline(__always)
    func noteReadable(_ held: borrowing AppendState) {
        if publishesAtAppend { dispatcher.offset.store(log.maxOffset, ordering: .releasing) }
    }

    /// Undoes ``number(_:at:_:_:)``. Last one first, so that each offset is the newest of its queue.
    private func takeBack(_ append: inout StagedAppend, _ error: StoreError, _ held: borrowing AppendState) {
        for arrival in append.entered.reversed() { arrival.queue.takeBack(1, held) }
        append.entered = []
        if append.draft.systemFlag.entersQueue { append.queue.takeBack(append.draft.messageCount, held) }
        append.progress = .failed(error)
    }

    /// The queue that took the place of a deleted one.
    private func successor(of queue: ConsumeQueue) -> ConsumeQueue {
        queues.findOrAdd(QueueKey(topic: queue.topic, queueId: queue.queueId))
    }

    /// Lets the flusher know that the queue has something new.
    @inline(__always)
    func markDirty(_ queue: ConsumeQueue, _ state: inout AppendState) {
        if queue.becomesDirty(state) { state.dirtyQueues.append(queue) }
    }

    /// Wakes the thread that syncs, if it does not know yet that there is something.
    @inline(__always)
    func announceFlush(_ state: inout AppendState) {
        guard !state.flushIsAnnounced else { return }
        state.flushIsAnnounced = true
        if flushesSynchronously { commit.requests.announce() } else { flusher.announce() }
    }

    // MARK: After the lock

    private func tell(_ staged: [StagedAppend], _ listener: ArrivalListener?) {
        for append in staged {
            guard case .appended(let result) = append.progress else { continue }
            let queue = append.draft.queue
            if let delay = append.draft.delayMilliseconds {
                schedule.announce(
                    level: Int(queue.queueId) + 1, offset: result.queueOffset, due: result.storeTimestamp + delay, drift: steadyClock.drift())
            }
            guard let listener, append.draft.systemFlag.entersQueue else { continue }
            var newMaxOffset = result.queueOffset
            for entry in append.draft.entries {
                newMaxOffset += 1
                listener(queue.topic, queue.queueId, newMaxOffset, entry.tagCode)
            }
            for arrival in append.entered { listener(arrival.queue.topic, arrival.queue.queueId, arrival.newMaxOffset, arrival.tagCode) }
        }
    }
}
