import RMQCommon

/// The end of the log, where bytes are written.
///
///     ████████████|░░░░░░░|000…            position: the next byte; ░: what a failed write left, zero again before
///         position^        ^leftoversEnd            anything else is written
extension MessageStore {
    /// Puts the writer behind the last record.
    func placeWriter(_ state: inout AppendState) {
        let end = log.maxOffset
        let segmentBytes = Int64(configuration.segmentBytes)
        state.segment = nil
        state.leftoversEnd = 0
        state.reportPosition = 0
        state.receivedEnd = min(state.receivedEnd, end)
        if let last = log.snapshot.last, end < last.baseOffset + segmentBytes {
            state.begun = last
            state.position = Int(end - last.baseOffset)
            state.nextSegmentOffset = last.baseOffset + segmentBytes
        } else {
            state.begun = nil
            state.position = 0
            state.nextSegmentOffset = end
        }
    }

    /// Writes `bytes` at `state.position` and moves nothing.
    /// - Throws: when not all could be written. What is there of them is zero again, or will be before the next write.
    func write(_ bytes: UnsafeRawBufferPointer, to segment: SegmentWriter, _ state: inout AppendState) throws(StoreError) {
        try clearLeftovers(&state)
        do throws(StoreError) {
            try segment.write(bytes, at: state.position, state)
        } catch {
            leave(bytes.count, in: segment, &state)
            throw error
        }
        assert(
            segment.file.isZero(from: state.position + bytes.count, count: MessageRecord.fillerByteCount),
            "what follows the log's end must not look like a record")
    }

    /// Up to so many bytes behind the log's end are not a part of it.
    func leave(_ byteCount: Int, in segment: SegmentWriter, _ state: inout AppendState) {
        state.leftoversEnd = max(state.leftoversEnd, state.position + byteCount)
        log.leftBytes(upTo: segment.baseOffset + Int64(state.leftoversEnd), state)
        // When this fails, too, the next write begins with it.
        try? clearLeftovers(&state)
    }

    /// A record of a failed write that is longer than what is written next could begin exactly where that ends. After a crash
    /// it would be a message that its producer was told is not stored.
    private func clearLeftovers(_ state: inout AppendState) throws(StoreError) {
        guard state.leftoversEnd > state.position, let segment = state.segment else { return }
        try segment.clear(from: state.position, to: state.leftoversEnd, state)
        state.leftoversEnd = 0
    }

    /// Goes on in the segment that an earlier run began. The reference leaves holes there: on a full disk, a store to one
    /// would be a signal.
    func resume(_ state: inout AppendState) throws(StoreError) {
        guard let begun = state.begun else { return }
        do throws(StoreError) {
            try begun.allocate(from: state.position, count: begun.byteCount - state.position, disk)
            state.segment = try SegmentWriter(begun, disk)
        } catch {
            state.counters.failures += 1
            throw error
        }
        state.begun = nil
    }

    /// Sees to it that `byteCount` bytes fit at `state.position`: ends the current segment and goes on with the next one.
    func roll(_ byteCount: Int, _ state: inout AppendState) throws(StoreError) {
        try resume(&state)
        if let segment = state.segment {
            if state.position + byteCount + MessageRecord.fillerByteCount <= segment.byteCount { return }
            try writeFiller(to: segment, &state)
        }
        try nextSegment(&state)
    }

    /// Ends a segment: what is left of it is skipped.
    private func writeFiller(to segment: SegmentWriter, _ state: inout AppendState) throws(StoreError) {
        let remaining = segment.byteCount - state.position
        assert(remaining >= MessageRecord.fillerByteCount, "every record leaves room for the filler")
        do throws(StoreError) {
            try withUnsafeBytes(of: (Int32(remaining).bigEndian, MessageRecord.fillerMagic.bigEndian)) { filler in
                Result { () throws(StoreError) in try segment.write(filler, at: state.position, state) }
            }.get()
        } catch {
            state.counters.failures += 1
            leave(MessageRecord.fillerByteCount, in: segment, &state)
            throw error
        }
        log.publish(segment.baseOffset + Int64(segment.byteCount), state)
        noteReadable(state)
        state.segment = nil
        state.leftoversEnd = 0
        announceFlush(&state)
    }

    /// Goes on with the segment at `state.nextSegmentOffset`.
    @discardableResult
    func nextSegment(_ state: inout AppendState) throws(StoreError) -> SegmentWriter {
        let segment: SegmentWriter
        do throws(StoreError) {
            segment = try allocator.take(state.nextSegmentOffset, timeout: configuration.segmentWait, state)
        } catch {
            state.counters.failures += 1
            throw error
        }
        log.add(segment.file, state)
        state.segment = segment
        state.position = 0
        state.reportPosition = 0
        state.nextSegmentOffset = segment.baseOffset + Int64(segment.byteCount)
        return segment
    }

    /// Before the first append: has the next segment made if it will be needed soon.
    func requestNextSegment(_ state: borrowing AppendState) {
        if state.begun == nil || state.position >= configuration.segmentBytes / 2 { allocator.prepare(state.nextSegmentOffset) }
    }

    /// Tells the allocator where the writer is, once in a while.
    @inline(__always)
    func reportPosition(_ state: inout AppendState) {
        guard state.position >= state.reportPosition else { return }
        state.reportPosition = state.position + allocator.reportStep
        allocator.report(current: state.segment, position: state.position, next: state.nextSegmentOffset, state)
    }
}
