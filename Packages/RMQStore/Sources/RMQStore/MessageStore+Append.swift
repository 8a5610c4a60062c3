import RMQCommon
import Synchronization

extension MessageStore {
    /// Appends one message or one batch.
    ///
    /// The draft's bytes are stamped with offsets and the store time and copied to the log, all under the append lock; a
    /// batch goes into one segment as a whole or not at all. When this returns, the message survives a kill -9, and can be
    /// read unless the configuration makes it wait for more than that (``StoreConfiguration/publishesAtAppend``).
    ///
    /// Complexity: a copy of the bytes and 20 bytes per message. Allocates nothing in steady state. Blocks only when the
    /// next segment is not ready, for at most `segmentWait`.
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
        let limit = configuration.segmentBytes - RecordLayout.fillerByteCount
        guard draft.byteCount <= limit else { throw .recordTooLarge(bytes: draft.byteCount, limit: limit) }
        let began = CoarseClock.milliseconds()
        let further = configuration.dispatchesToSeveral ? try furtherQueues(of: draft) : []
        var arrivals: [Dispatcher.Arrival] = []
        let (result, listener) = try appendLock.withLock { (state) throws(StoreError) -> (AppendResult, ArrivalListener?) in
            if !flags.current.isEmpty { throw refusal() }
            let now = clocks.wall.now()
            lockedSince.store(CoarseClock.milliseconds(), ordering: .relaxed)
            defer { lockedSince.store(0, ordering: .relaxed) }
            let queue = draft.queue.isRetired ? successor(of: draft.queue) : draft.queue
            let further = further.isEmpty ? further : further.map { $0.isRetired ? successor(of: $0) : $0 }
            let draft = further.isEmpty ? draft : try completed(draft, further)
            let segment = try makeRoom(draft.byteCount, &state)
            let numbered = RecordLayout.entersQueue(draft.systemFlag)
            let publishes = numbered && publishesAtAppend
            if publishes {
                try queue.prepare(draft.messageCount)
                for queue in further { try queue.prepare(1) }
            }

            let result = AppendResult(
                physicalOffset: segment.baseOffset + Int64(state.position), byteCount: draft.byteCount,
                queueOffset: numbered ? queue.assign(draft.messageCount) : 0, messageCount: draft.messageCount, storeTimestamp: now)
            draft.stamp(physicalOffset: result.physicalOffset, queueOffset: result.queueOffset, storeTimestamp: result.storeTimestamp)
            log.write(draft.bytes, to: segment, at: state.position)
            state.position += draft.byteCount
            state.lastStoreTimestamp = result.storeTimestamp
            if publishes {
                var physicalOffset = result.physicalOffset
                for entry in draft.entries {
                    let code = queue.entryCode(entry.tagCode, storeTimestamp: now) {
                        draft.properties(at: Int(physicalOffset - result.physicalOffset), count: Int(entry.byteCount))
                    }
                    queue.write(QueueEntry(position: physicalOffset, size: entry.byteCount, tagCode: code))
                    physicalOffset += Int64(entry.byteCount)
                }
                markDirty(queue, &state)
            }
            if !further.isEmpty {
                let entry = QueueEntry(position: result.physicalOffset, size: Int32(draft.byteCount), tagCode: draft.entries[0].tagCode)
                arrivals = enter(further, beside: queue, entry, publishes: publishes, &state)
            }
            state.counters.messages += draft.messageCount
            state.counters.bytes += draft.byteCount
            state.counters.times.record(milliseconds: CoarseClock.milliseconds() - began)
            if state.position >= state.reportPosition {
                state.reportPosition = state.position + allocator.reportStep
                allocator.report(current: segment, position: state.position, next: state.nextSegmentOffset)
            }
            if wakesCommit || !flushesSynchronously { announceFlush(&state) }
            announceIndex(&state)
            return (result, publishes ? state.listener : nil)
        }
        if let delay = draft.delayMilliseconds {
            schedule.announce(
                level: Int(draft.queue.queueId) + 1, offset: result.queueOffset, due: result.storeTimestamp + delay, drift: steadyClock.drift())
        }
        if let listener {
            var newMaxOffset = result.queueOffset
            for entry in draft.entries {
                newMaxOffset += 1
                listener(draft.queue.topic, draft.queue.queueId, newMaxOffset, entry.tagCode)
            }
            for arrival in arrivals { listener(arrival.queue.topic, arrival.queue.queueId, arrival.newMaxOffset, arrival.tagCode) }
        }
        return result
    }

    /// Throws when a message would not be taken now, before the trouble of encoding it. One load and a comparison.
    ///
    /// The reasons, in this order: the store is not running, it is a replica, it is not writeable, or somebody has been
    /// writing for longer than `osPageCacheBusyTimeOutMills`.
    public func checkAccepting() throws(StoreError) {
        if !flags.current.isEmpty { throw refusal() }
        try checkPageCache()
    }

    private func refusal() -> StoreError {
        let reasons = flags.current
        if reasons.contains(.notRunning) { return .notRunning }
        if reasons.contains(.replica) { return .isReplica }
        return flushFailure ?? .notWriteable(reasons)
    }

    @inline(__always)
    private func checkPageCache() throws(StoreError) {
        let since = lockedSince.load(ordering: .relaxed)
        if since != 0 { try checkPageCache(lockedSince: since) }
    }

    private func checkPageCache(lockedSince since: Int64) throws(StoreError) {
        let held = CoarseClock.milliseconds() - since
        guard held > configuration.pageCacheBusyMilliseconds else { return }
        throw .pageCacheBusy(milliseconds: held, limit: configuration.pageCacheBusyMilliseconds)
    }

    /// The segment that takes `byteCount` bytes at `state.position`. Append lock.
    @inline(__always)
    private func makeRoom(_ byteCount: Int, _ state: inout AppendState) throws(StoreError) -> MappedFile {
        if let segment = state.segment, state.position + byteCount + RecordLayout.fillerByteCount <= segment.byteCount { return segment }
        return try roll(byteCount, &state)
    }

    /// Goes on in the segment that an earlier run began. The reference leaves holes there: on a full disk, a store to one
    /// would be a signal. Append lock.
    func resume(_ state: inout AppendState) throws(StoreError) {
        guard let begun = state.begun else { return }
        do throws(StoreError) {
            try begun.allocate(from: state.position, count: begun.byteCount - state.position, disk)
        } catch {
            state.counters.failures += 1
            throw error
        }
        state.begun = nil
        state.segment = begun
    }

    /// Ends the current segment and goes on with the next one. Append lock.
    private func roll(_ byteCount: Int, _ state: inout AppendState) throws(StoreError) -> MappedFile {
        if state.begun != nil {
            try resume(&state)
            return try makeRoom(byteCount, &state)
        }
        if let segment = state.segment {
            log.writeFiller(to: segment, at: state.position)
            state.segment = nil
            announceFlush(&state)
        }
        return try nextSegment(&state)
    }

    /// Goes on with the segment at `state.nextSegmentOffset`. Append lock.
    func nextSegment(_ state: inout AppendState) throws(StoreError) -> MappedFile {
        let segment: MappedFile
        do {
            segment = try allocator.take(state.nextSegmentOffset, timeout: configuration.segmentWait)
        } catch {
            state.counters.failures += 1
            throw error
        }
        log.add(segment)
        state.segment = segment
        state.position = 0
        state.reportPosition = 0
        state.nextSegmentOffset = segment.baseOffset + Int64(segment.byteCount)
        return segment
    }

    /// The queue that took the place of a deleted one.
    private func successor(of queue: ConsumeQueue) -> ConsumeQueue {
        queues.findOrAdd(QueueKey(topic: queue.topic, queueId: queue.queueId))
    }

    /// Lets the flusher know that the queue has something new. Append lock.
    @inline(__always)
    func markDirty(_ queue: ConsumeQueue, _ state: inout AppendState) {
        guard !queue.isDirty else { return }
        queue.isDirty = true
        state.dirtyQueues.append(queue)
    }

    /// Wakes the thread that syncs, if it does not know yet that there is something. Append lock.
    @inline(__always)
    func announceFlush(_ state: inout AppendState) {
        guard !state.flushIsAnnounced else { return }
        state.flushIsAnnounced = true
        if flushesSynchronously { commit.requests.announce() } else { flusher.announce() }
    }
}
