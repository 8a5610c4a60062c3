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
    @discardableResult
    public func append(_ draft: RecordDraft) throws(StoreError) -> AppendResult {
        let limit = configuration.segmentBytes - RecordLayout.fillerByteCount
        guard draft.byteCount <= limit else { throw .recordTooLarge(bytes: draft.byteCount, limit: limit) }
        let began = CoarseClock.milliseconds()
        let (result, listener) = try appendLock.withLock { (state) throws(StoreError) -> (AppendResult, ArrivalListener?) in
            guard state.isRunning else { throw .notRunning }
            if !flags.current.isEmpty { throw .notWriteable(flags.current) }
            if let failure = state.failure { throw failure }
            let queue = draft.queue.isRetired ? successor(of: draft.queue) : draft.queue
            let segment = try makeRoom(draft.byteCount, &state)
            let numbered = RecordLayout.entersQueue(draft.systemFlag)
            let publishes = numbered && publishesAtAppend
            if publishes { try queue.prepare(draft.messageCount) }

            let result = AppendResult(
                physicalOffset: segment.baseOffset + Int64(state.position), byteCount: draft.byteCount,
                queueOffset: numbered ? queue.assign(draft.messageCount) : 0, messageCount: draft.messageCount, storeTimestamp: clock.now())
            draft.stamp(physicalOffset: result.physicalOffset, queueOffset: result.queueOffset, storeTimestamp: result.storeTimestamp)
            log.write(draft.bytes, to: segment, at: state.position)
            state.position += draft.byteCount
            state.lastStoreTimestamp = result.storeTimestamp
            if publishes {
                var physicalOffset = result.physicalOffset
                for entry in draft.entries {
                    queue.write(QueueEntry(position: physicalOffset, size: entry.byteCount, tagCode: entry.tagCode))
                    physicalOffset += Int64(entry.byteCount)
                }
                markDirty(queue, &state)
            }
            state.counters.messages += draft.messageCount
            state.counters.bytes += draft.byteCount
            state.counters.times.record(milliseconds: CoarseClock.milliseconds() - began)
            if state.position >= state.reportPosition {
                state.reportPosition = state.position + allocator.reportStep
                allocator.report(current: segment, position: state.position, next: state.nextSegmentOffset)
            }
            announceFlush(&state)
            return (result, publishes ? state.listener : nil)
        }
        if let delay = draft.delayMilliseconds {
            schedule.announce(level: Int(draft.queue.queueId) + 1, end: result.queueOffset + 1, due: result.storeTimestamp + delay)
        }
        if let listener {
            var newMaxOffset = result.queueOffset
            for entry in draft.entries {
                newMaxOffset += 1
                listener(draft.queue.topic, draft.queue.queueId, newMaxOffset, entry.tagCode)
            }
        }
        return result
    }

    /// The segment that takes `byteCount` bytes at `state.position`. Append lock.
    @inline(__always)
    private func makeRoom(_ byteCount: Int, _ state: inout AppendState) throws(StoreError) -> MappedFile {
        if let segment = state.segment, state.position + byteCount + RecordLayout.fillerByteCount <= segment.byteCount { return segment }
        return try roll(&state)
    }

    /// Ends the current segment and goes on with the next one. Append lock.
    private func roll(_ state: inout AppendState) throws(StoreError) -> MappedFile {
        if let segment = state.segment {
            log.writeFiller(to: segment, at: state.position)
            state.segment = nil
            announceFlush(&state)
        }
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

    /// Wakes the flusher if it sleeps. Append lock.
    @inline(__always)
    func announceFlush(_ state: inout AppendState) {
        guard !state.flushIsAnnounced else { return }
        state.flushIsAnnounced = true
        flusher.announce()
    }
}
