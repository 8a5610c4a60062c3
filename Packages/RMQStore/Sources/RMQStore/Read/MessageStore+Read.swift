import RMQCommon

/// Where a read may take messages from.
public enum ReadSource: Sendable {
    /// From memory alone: for a thread that serves others, senders first of all. The read ends at what would have to come from the
    /// disk, and says so (``ReadResult/needsDisk``).
    case memory
    /// From wherever they are: for a thread that may wait.
    case disk
}

/// Which messages of a queue a read is about.
@usableFromInline
struct ReadRange {
    let offset: Int64
    let maxCount: Int
    let maxBytes: Int
    let source: ReadSource

    @usableFromInline
    init(offset: Int64, maxCount: Int, maxBytes: Int, source: ReadSource) {
        self.offset = offset
        self.maxCount = maxCount
        self.maxBytes = maxBytes
        self.source = source
    }
}

extension MessageStore {
    /// Reads messages of a queue from an offset on, as ranges of the mapped log: nothing is copied.
    ///
    /// At least one message is returned when there is one, however long; otherwise at most `maxCount` messages and
    /// `maxBytes` bytes, and no more than the configured transfer limits. `result.nextOffset` is where to go on, whatever
    /// the status.
    ///
    /// - Parameter result: filled again; its storage is used again.
    public func read(
        _ queue: ConsumeQueue, offset: Int64, maxCount: Int, maxBytes: Int = .max, from source: ReadSource = .disk, into result: inout ReadResult
    ) {
        let range = ReadRange(offset: offset, maxCount: maxCount, maxBytes: maxBytes, source: source)
        read(queue, range, asksEntries: false, recordCost: nil, { _ in true }, { _ in true }, into: &result)
    }

    /// The same of those messages that match. One call looks at no more than 800 entries (or `maxCount` if that is more), and at
    /// no more records than ``MessageFilter/recordCost`` and their properties allow, so a filter that matches little returns
    /// `noMatchedMessage` with an advanced offset.
    @inlinable
    public func read<Filter: MessageFilter>(
        _ queue: ConsumeQueue, offset: Int64, maxCount: Int, maxBytes: Int = .max, from source: ReadSource = .disk, matching filter: Filter,
        into result: inout ReadResult
    ) {
        let range = ReadRange(offset: offset, maxCount: maxCount, maxBytes: maxBytes, source: source)
        read(
            queue, range, asksEntries: true, recordCost: filter.readsRecords ? filter.recordCost : nil, { filter.matches(entry: $0) },
            { filter.matches(record: $0) }, into: &result)
    }

    /// - Parameter recordCost: nil when no records are looked at.
    @usableFromInline
    func read(
        _ queue: ConsumeQueue, _ range: ReadRange, asksEntries: Bool, recordCost: Int?, _ matchesEntry: (FilterEntry) -> Bool,
        _ matchesRecord: (FilterRecord) -> Bool, into result: inout ReadResult
    ) {
        let offset = range.offset
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
        } else if let (file, position) = place(of: queue, range, &result) {
            var scan = QueueScan(self, queue, range, file: file, position: position)
            scan.run(asksEntries: asksEntries, recordCost: recordCost, matchesEntry, matchesRecord, into: &result)
        }
    }

    /// The same by name, with a new result; an unknown queue gives `noMatchedLogicQueue`.
    public func read(topic: String, queueId: Int32, offset: Int64, maxCount: Int, maxBytes: Int = .max) -> ReadResult {
        var result = ReadResult()
        if let queue = queue(topic: topic, queueId: queueId) {
            read(queue, offset: offset, maxCount: maxCount, maxBytes: maxBytes, into: &result)
        } else {
            readCounters.count(result, milliseconds: 0)
        }
        return result
    }

    /// Where the entry of a published offset is; nil when that cannot be read now, which `result` says.
    private func place(of queue: ConsumeQueue, _ range: ReadRange, _ result: inout ReadResult) -> (file: MappedFile, position: Int)? {
        let offset = range.offset
        if range.source == .memory {
            switch queue.locateMapped(offset) {
            case .mapped(let file, let position): return (file, position)
            case .unmapped:
                result.status = .noMatchedMessage
                result.nextOffset = offset
                result.needsDisk = true
                return nil
            case .missing: break
            }
        } else {
            do throws(StoreError) {
                if let place = try queue.locate(offset) { return place }
            } catch {
                // Nothing is skipped: the caller comes again with the same offset.
                logger.error("queue \(queue.queueId) of \(queue.topic) cannot be read: \(error)")
                result.status = .noMatchedMessage
                result.nextOffset = offset
                return nil
            }
        }
        result.status = .offsetFoundNull
        result.nextOffset = offset + queue.entriesPerFile - offset % queue.entriesPerFile
        return nil
    }

    /// The record that begins at a physical offset; nil when none does, or a damaged one.
    public func record(at physicalOffset: Int64) -> MappedRange? {
        let segments = log.snapshot
        let end = log.maxOffset
        guard let head = CommitLog.range(at: physicalOffset, count: MessageRecord.minimumByteCount, in: segments, end: end),
            case .record(let record) = RecordCheck.check(head.file, at: head.position, verifiesBody: physicalOffset < inheritedEnd),
            record.end <= end  // a replica may have the rest of it still to come
        else { return nil }
        return MappedRange(owner: head.file, start: head.position, count: record.byteCount)
    }

    /// A question about memory costs about as much for two pages as for one.
    private static let usualRecordBytes = 4 << 10

    /// Whether the record that begins at a physical offset can be read without waiting for the disk.
    public func isInMemory(recordAt physicalOffset: Int64) -> Bool {
        let end = log.maxOffset
        guard configuration.recentBytes >= 0 else { return false }
        if physicalOffset >= end - configuration.recentBytes { return true }
        // Where no record begins, there is nothing to wait for.
        guard let (file, position) = CommitLog.range(at: physicalOffset, count: MessageRecord.fillerByteCount, in: log.snapshot, end: end) else { return true }
        let left = Int(min(end - physicalOffset, Int64(Self.usualRecordBytes)))
        // Its first bytes say how long it is; most records are asked for as a whole with these.
        let first = position..<min(position + left, file.byteCount)
        guard disk.residentBytes(file, first) == first.count else { return false }
        let size = Int(UnsafeRawPointer(file.base + position).loadUnaligned(as: Int32.self).bigEndian)
        guard size > first.count else { return true }
        let whole = position..<min(position + size, file.byteCount)
        return disk.residentBytes(file, whole) == whole.count
    }
}
