import RMQCommon
import Synchronization

/// Queue entries that were damaged on the disk, written again by whoever meets them. They have no checksum, but the record
/// that one leads to says which offset of which queue it is.
extension MessageStore {
    /// How much of the log is searched for one entry's record: some 10 ms when it is in memory.
    private static let searchReach: Int64 = 64 << 20
    /// How many damaged neighbours are passed over to find one that says where to search.
    private static let searchNeighbours: Int64 = 512

    /// Whether it makes sense to search for the record of a damaged entry.
    func mayBeRepaired(_ damaged: QueueEntry, at offset: Int64, of queue: ConsumeQueue) -> Bool {
        !damaged.isFiller && !failedSearches.contains(queue, offset)
    }

    /// Finds the record of a queue offset whose entry leads to no such record, and writes the entry again.
    ///
    /// The record lies between those of the entries before and behind it. Takes the append lock for the write. May read from the
    /// disk, so it is not for a loop.
    /// - Returns: the right entry; nil when none is nearby: then the record itself is damaged, or gone.
    @inline(never)
    func repairEntry(at offset: Int64, of queue: ConsumeQueue, is damaged: QueueEntry) -> QueueEntry? {
        guard mayBeRepaired(damaged, at: offset, of: queue) else { return nil }
        guard let entry = soughtEntry(at: offset, of: queue, is: damaged) else {
            failedSearches.insert(queue, offset)
            return nil
        }
        let isWritten = appendLock.withLock { state in
            guard !queue.isRetired(state), offset >= queue.minOffset, let found = try? queue.locate(offset) else { return false }
            entry.write(to: found.file.base + found.position)
            return true
        }
        guard isWritten else { return nil }
        let count = readCounters.countRepaired()
        if Self.isWorthSaying(count) {
            logger.warning("entry \(offset) of queue \(queue.queueId) of \(queue.topic) was damaged and has been written again from the log; \(count) so far")
        }
        return entry
    }

    private func soughtEntry(at offset: Int64, of queue: ConsumeQueue, is damaged: QueueEntry) -> QueueEntry? {
        guard let start = searchStart(before: offset, of: queue, damaged) else { return nil }
        let behind = soundEntry(at: offset + 1, of: queue)?.position ?? dispatchedOffset
        let entry = searchEntry(at: offset, of: queue, from: start, to: min(behind, start + Self.searchReach))
        return entry == damaged ? nil : entry
    }

    /// The record at the place that an entry names, if it is that of this offset; damaged entries are repaired.
    func record(of entry: QueueEntry, at offset: Int64, of queue: ConsumeQueue) -> MappedRange? {
        for entry in [entry, repairEntry(at: offset, of: queue, is: entry)].lazy.compactMap(\.self) {
            if let range = record(at: entry.position), range.bytes.count == Int(entry.size), let record = checkedRecord(at: entry.position), record.isAt(offset, of: queue) {
                return range
            }
        }
        return nil
    }

    /// Where the record of an offset lies at the earliest; nil when that cannot be told.
    private func searchStart(before offset: Int64, of queue: ConsumeQueue, _ damaged: QueueEntry) -> Int64? {
        let logMinimum = log.minOffset
        // Entries of what retention took away lead nowhere, and rightly so, until the smallest offset is corrected.
        func isExpired(_ entry: QueueEntry) -> Bool { entry.position >= 0 && entry.position < logMinimum }
        var before = offset - 1
        while before >= queue.minOffset, offset - before <= Self.searchNeighbours {
            if let entry = soundEntry(at: before, of: queue) { return entry.end }
            if isExpired(damaged), let entry = try? queue.entry(at: before), isExpired(entry) { return nil }
            before -= 1
        }
        return before < queue.minOffset && !isExpired(damaged) ? logMinimum : nil
    }

    private func soundEntry(at offset: Int64, of queue: ConsumeQueue) -> QueueEntry? {
        guard let entry = try? queue.entry(at: offset), !entry.isFiller, let record = checkedRecord(at: entry.position),
            record.byteCount == Int(entry.size), record.isAt(offset, of: queue)
        else { return nil }
        return entry
    }

    private func checkedRecord(at physicalOffset: Int64) -> CheckedRecord? {
        guard let head = log.range(at: physicalOffset, count: MessageRecord.minimumByteCount),
            case .record(let record) = RecordCheck.check(head.file, at: head.position, verifiesBody: false)
        else { return nil }
        return record
    }

    private func searchEntry(at offset: Int64, of queue: ConsumeQueue, from start: Int64, to end: Int64) -> QueueEntry? {
        for segment in log.snapshot where segment.baseOffset + Int64(segment.byteCount) > start && segment.baseOffset < end {
            for record in RecordWalk(segment, from: start, to: end) where record.isAt(offset, of: queue) { return intactEntry(record, in: segment) }
        }
        return nil
    }

    private func intactEntry(_ record: CheckedRecord, in segment: MappedFile) -> QueueEntry? {
        guard case .record = RecordCheck.check(segment, at: Int(record.physicalOffset - segment.baseOffset), verifiesBody: true) else { return nil }
        return QueueEntry(
            position: record.physicalOffset, size: Int32(record.byteCount), tagCode: record.tagCode(delayLevels: configuration.delayLevelMilliseconds))
    }
}
