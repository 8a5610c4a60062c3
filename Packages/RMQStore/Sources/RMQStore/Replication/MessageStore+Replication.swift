import RMQCommon
import Synchronization

/// What replication plugs into: how the bytes travel is not the store's business.
///
///     master:   bytes(from:) ─► … ─► replica: appendRaw(_:at:) ─► … ─► master: acknowledge(replica:offset:)
extension MessageStore {
    // MARK: Master

    /// The bytes of the log from `offset` on: at most `maxBytes`, and none beyond the end of that segment or of the log.
    ///
    /// A record may be cut anywhere; the filler at a segment's end is included, so that a replica's segments match.
    /// - Returns: nil when there is nothing at that offset (yet, or any more).
    public func bytes(from offset: Int64, maxBytes: Int) -> MappedRange? {
        let segments = log.snapshot
        let end = log.maxOffset
        guard maxBytes > 0, offset < end, let (segment, position) = CommitLog.range(at: offset, count: 1, in: segments, end: end) else { return nil }
        let count = min(Int64(maxBytes), Int64(segment.byteCount - position), end - offset)
        return MappedRange(owner: segment, start: position, count: Int(count))
    }

    /// A replica says that it has everything below `offset`. Confirms what enough replicas have.
    /// - Throws: `notContiguous` when that is more than there is: the replica followed another master.
    public func acknowledge(replica: UInt64, offset: Int64) throws(StoreError) {
        let end = log.maxOffset
        guard offset <= end else { throw .notContiguous(offset: offset, logEnd: end) }
        guard replicas.acknowledge(replica, offset) else { return }
        showConfirmed()
    }

    /// A group of stores that votes has agreed upon everything below `offset`, however many of them have it. For whoever decides that
    /// by itself, in place of ``acknowledge(replica:offset:)``; without `requiredReplicas` no append waits for it.
    /// - Throws: `notContiguous` when that is more than there is.
    public func confirm(to offset: Int64) throws(StoreError) {
        let end = log.maxOffset
        guard offset <= end else { throw .notContiguous(offset: offset, logEnd: end) }
        replicas.confirm(upTo: offset)
        showConfirmed()
    }

    /// Replicas have more: it becomes readable, and who waits for it is told.
    private func showConfirmed() {
        publishConfirmed()
        commit.confirmationMoved()
        growth.moved()
    }

    /// A replica is not connected any more. What it confirmed stays confirmed.
    public func replicaLeft(_ replica: UInt64) {
        replicas.remove(replica)
    }

    // MARK: Replica

    /// Appends bytes of the master's log where this log ends, and makes readable the records that are complete with them.
    ///
    /// An empty log may begin at any segment boundary. Complete records are checked, body checksums included; when one is
    /// none, nothing of `bytes` is kept.
    public func appendRaw(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(StoreError) {
        var rest = bytes[...]
        var next = offset
        while !rest.isEmpty {
            let count = try appendLock.withLock { (state) throws(StoreError) in
                try appendRaw(UnsafeRawBufferPointer(rebasing: rest), at: next, &state)
            }
            rest = rest.dropFirst(count)
            next += Int64(count)
            publishConfirmed()
            growth.moved()
        }
    }

    /// Appends what fits the current segment, and says how many bytes that was.
    private func appendRaw(_ bytes: UnsafeRawBufferPointer, at offset: Int64, _ state: inout AppendState) throws(StoreError) -> Int {
        if flags.current.contains(.notRunning) { throw .notRunning }
        guard flags.current.contains(.replica), !flags.current.contains(.changesRole) else { throw .notReplica }
        if let flushFailure { throw flushFailure }
        let end = log.maxOffset
        let segmentBytes = Int64(configuration.segmentBytes)
        if log.snapshot.isEmpty, offset != end {
            guard offset >= 0, offset % segmentBytes == 0, offset <= Int64.max - segmentBytes * 2 else {
                throw .segmentMismatch(offset: offset, segmentBytes: configuration.segmentBytes)
            }
            try checkBeginning(bytes, at: offset)
            begin(at: offset, &state)
        }
        guard offset == log.maxOffset else { throw .notContiguous(offset: offset, logEnd: log.maxOffset) }
        try resume(&state)
        let segment = if let current = state.segment { current } else { try nextSegment(&state) }
        let count = min(bytes.count, segment.byteCount - state.position)
        try write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), to: segment, &state)
        do throws(StoreError) {
            if let timestamp = try checkRaw(segment.file, end: offset + Int64(count), &state) { state.lastStoreTimestamp = timestamp }
        } catch {
            leave(count, in: segment, &state)
            throw error
        }
        state.position += count
        log.publish(offset + Int64(count), state)
        // Its master has it.
        replicas.confirm(upTo: offset + Int64(count))
        reportPosition(&state)
        announceFlush(&state)
        // Its filler has come, too.
        if state.position == segment.byteCount { state.segment = nil }
        return count
    }

    /// Nothing but the first record says that a log begins where somebody claims.
    private func checkBeginning(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(StoreError) {
        let position = MessageRecord.physicalOffsetOffset
        guard bytes.count >= position + 8 else { return }
        let stated = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int64.self))
        if stated != offset { throw .malformedRecord(offset: offset, reason: "the record there says that it belongs to offset \(stated)") }
    }

    /// The log is empty and will begin at a segment boundary that somebody else chose.
    private func begin(at offset: Int64, _ state: inout AppendState) {
        state.nextSegmentOffset = offset
        log.publish(offset, state)
        commit.advance(to: offset)
        dispatcher.offset.store(offset, ordering: .releasing)
        state.receivedEnd = offset
    }

    /// Up to where a replica has received whole records; behind that may be a part of one. On a master where the log ends.
    public var receivedOffset: Int64 { appendLock.withLock { role == .replica ? min($0.receivedEnd, log.maxOffset) : log.maxOffset } }

    /// On a replica: forgets the part of a record that was received without its rest. When the rest makes no record of it, either may be
    /// what the way spoiled, so both have to come again. As ``truncate(to:)``.
    public func dropUnfinishedRecord() throws(StoreError) {
        guard role == .replica else { throw .notReplica }
        let end = receivedOffset
        if end < log.maxOffset { try truncate(to: end) }
    }

    /// Checks the records that are complete now and were not before.
    /// - Returns: the newest one's store time (ms).
    private func checkRaw(_ segment: MappedFile, end: Int64, _ state: inout AppendState) throws(StoreError) -> Int64? {
        var offset = max(state.receivedEnd, segment.baseOffset)
        var timestamp: Int64?
        while true {
            let position = Int(offset - segment.baseOffset)
            try checkFiller(segment, at: position, end: Int(end - segment.baseOffset))
            guard position < segment.byteCount, RecordCheck.isComplete(segment, at: position, end: Int(end - segment.baseOffset)) else { break }
            switch RecordCheck.check(segment, at: position, verifiesBody: true) {
            case .record(let record):
                timestamp = record.storeTimestamp
                offset = record.end
            case .filler:
                offset = segment.baseOffset + Int64(segment.byteCount)
            case .invalid(let reason):
                throw .malformedRecord(offset: offset, reason: reason)
            }
        }
        state.receivedEnd = offset
        return timestamp
    }

    /// A filler says how much of its segment it stands for. When that is not the rest of this one, the master's segments are others, and
    /// the two would never end at the same place.
    private func checkFiller(_ segment: MappedFile, at position: Int, end: Int) throws(StoreError) {
        guard end - position >= MessageRecord.fillerByteCount,
            segment.loadInt32(position + MessageRecord.magicOffset) == MessageRecord.fillerMagic
        else { return }
        let masterEnd = position + Int(segment.loadInt32(position))
        guard masterEnd == segment.byteCount else {
            throw .segmentMismatch(offset: segment.baseOffset + Int64(masterEnd), segmentBytes: configuration.segmentBytes)
        }
    }

    /// Cuts the log at `offset`, and with it the consume queues: what follows was not confirmed and its master is gone.
    ///
    /// No thread may append meanwhile. Ranges handed out before keep their mapping, but what lies behind the cut becomes zero. Other
    /// messages will come to its place and be confirmed there, in another ``epoch``.
    public func truncate(to offset: Int64) throws(StoreError) {
        guard offset >= log.minOffset, offset <= log.maxOffset else { throw .notContiguous(offset: offset, logEnd: log.maxOffset) }
        try forgetDeliveries(behind: offset)
        try flusher.progress.withLock { (progress) throws(StoreError) in
            try commit.exclusively { () throws(StoreError) in
                try dispatcher.state.withLock { (_) throws(StoreError) in
                    try appendLock.withLock { (state) throws(StoreError) in
                        progress.round = nil
                        progress.mustFlushAllQueues = true
                        try progress.begin(logStart: log.minOffset, logEnd: offset, flusher)
                        try cut(to: offset, &state)
                    }
                }
            }
        }
        logger.warning("the log was cut to \(offset)")
        endWaiting()
    }

    /// No thread dispatches or syncs.
    private func cut(to offset: Int64, _ state: inout AppendState) throws(StoreError) {
        raiseEpoch(state)
        try log.truncate(to: offset, distrusting: true, state)
        for queue in queues.all {
            try queue.truncate(toPhysicalOffset: offset, state)
            queue.resumeAssigning(state)
        }
        commit.truncate(to: offset)
        replicas.truncate(to: offset)
        dispatcher.truncate(to: offset, state)
        placeWriter(&state)
        requestNextSegment(state)
        announceFlush(&state)
        index.logWasCut(to: offset)
    }
}
