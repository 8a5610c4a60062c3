import RMQCommon

/// Where a read may take messages from.
public enum ReadSource: Sendable {
    /// From memory alone: for a thread that serves others, senders first of all. The read ends at what would have to come from the
    /// disk, and says so (``ReadResult/needsDisk``).
    case memory
    /// From wherever they are: for a thread that may wait.
    case disk
}

extension MessageStore {
    /// Decides by a queue entry's tags code whether a message is wanted; nil means that the code is not known.
    public typealias TagMatcher = (_ tagCode: Int64?) -> Bool

    /// Reads messages of a queue from an offset on, as ranges of the mapped log: nothing is copied.
    ///
    /// At least one message is returned when there is one, however long; otherwise at most `maxCount` messages and
    /// `maxBytes` bytes, and no more than the configured transfer limits. `result.nextOffset` is where to go on, whatever
    /// the status. One call looks at no more than 800 entries (or `maxCount` if that is more), so a filter that matches
    /// little returns `noMatchedMessage` with an advanced offset.
    ///
    /// - Parameter result: filled anew; its storage is used again.
    public func read(
        _ queue: ConsumeQueue, offset: Int64, maxCount: Int, maxBytes: Int = .max, from source: ReadSource = .disk,
        matches: TagMatcher? = nil, into result: inout ReadResult
    ) {
        result.reset()
        let minOffset = queue.minOffset
        let maxOffset = queue.maxOffset
        result.minOffset = minOffset
        result.maxOffset = maxOffset
        let began = CoarseClock.milliseconds()
        defer {
            // One that goes on at the disk counts there.
            if result.messageCount > 0 || !result.needsDisk { readCounters.count(result, milliseconds: CoarseClock.milliseconds() - began) }
        }
        guard maxOffset > 0 else {
            result.status = .noMessageInQueue
            return
        }
        if offset < minOffset {
            result.status = .offsetTooSmall
            result.nextOffset = minOffset
        } else if offset == maxOffset {
            result.status = .offsetOverflowOne
            result.nextOffset = offset
        } else if offset > maxOffset {
            result.status = .offsetOverflowBadly
            result.nextOffset = maxOffset
        } else {
            do throws(StoreError) {
                try scan(queue, offset: offset, maxCount: maxCount, maxBytes: maxBytes, from: source, matches: matches, into: &result)
            } catch {
                // Nothing is skipped: the caller comes again with the same offset.
                logger.error("queue \(queue.queueId) of \(queue.topic) cannot be read: \(error)")
                result.status = .noMatchedMessage
                result.nextOffset = offset
            }
        }
    }

    /// The same by name, with a new result; an unknown queue gives `noMatchedLogicQueue`.
    public func read(
        topic: String, queueId: Int32, offset: Int64, maxCount: Int, maxBytes: Int = .max, matches: TagMatcher? = nil
    ) -> ReadResult {
        var result = ReadResult()
        if let queue = queue(topic: topic, queueId: queueId) {
            read(queue, offset: offset, maxCount: maxCount, maxBytes: maxBytes, matches: matches, into: &result)
        } else {
            readCounters.count(result, milliseconds: 0)
        }
        return result
    }

    /// Reads published offsets of a queue.
    private func scan(
        _ queue: ConsumeQueue, offset: Int64, maxCount: Int, maxBytes: Int, from source: ReadSource, matches: TagMatcher?,
        into result: inout ReadResult
    ) throws(StoreError) {
        func begin(_ file: MappedFile, _ position: Int, _ result: inout ReadResult) {
            var scan = QueueScan(self, queue, offset: offset, file: file, position: position, maxCount: maxCount, maxBytes: maxBytes, from: source)
            scan.run(matches, into: &result)
        }
        if source == .memory {
            switch queue.locateMapped(offset) {
            case .mapped(let file, let position): return begin(file, position, &result)
            case .unmapped:
                result.status = .noMatchedMessage
                result.nextOffset = offset
                result.needsDisk = true
                return
            case .missing: break
            }
        } else if let (file, position) = try queue.locate(offset) {
            return begin(file, position, &result)
        }
        result.status = .offsetFoundNull
        result.nextOffset = offset + queue.entriesPerFile - offset % queue.entriesPerFile
    }

    /// The record that begins at a physical offset; nil when none does, or a damaged one.
    public func record(at physicalOffset: Int64) -> MappedRange? {
        let segments = log.snapshot
        let end = log.maxOffset
        guard let head = CommitLog.range(at: physicalOffset, count: RecordLayout.fixedByteCount + 16, in: segments, end: end),
            case .record(let record) = RecordCheck.check(head.file, at: head.position, verifiesBody: physicalOffset < inheritedEnd),
            record.end <= end  // a replica may have the rest of it still to come
        else { return nil }
        return MappedRange(owner: head.file, start: head.position, count: record.byteCount)
    }
}
