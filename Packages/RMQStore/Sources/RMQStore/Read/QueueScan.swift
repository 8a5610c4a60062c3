/// One read on its way through a queue file: entry by entry, each skipped, taken, repaired, or the end.
///
///     entry ─► full? ─► entry matches? ─► in memory? ─► record in the log? ─► sound? ─► record matches? ─► taken
///                                             │                └── damaged or gone ──┘
///                                             └─ no: the read from memory ends here
struct QueueScan {
    private enum Choice { case skip, full, needsDisk, take }
    private enum Step { case next, again, end }

    /// What the records that one read looks at may cost together, in bytes of properties and of the filter's text: 800 of 1 KiB are
    /// within it, some milliseconds of a loop's time at most.
    private static let examinedLimit = 1 << 20

    private let store: MessageStore
    private let queue: ConsumeQueue
    private let offset: Int64
    private let file: MappedFile
    private let position: Int
    private let maxCount: Int
    private let maxBytes: Int
    private let segments: [MappedFile]
    private let logEnd: Int64
    private let limits: TransferLimits
    /// Further behind the log's end than this, nothing is expected in memory.
    private let memoryBytes: Int64
    /// Nil for a read that may wait for the disk.
    private var memory: MemoryGate?

    private var index = 0
    private var lastPosition: Int64 = -1
    /// Of the last entry that was taken.
    private var takenPosition: Int64 = -1
    /// After a miss in the log, entries below this are skipped.
    private var resumeAt: Int64 = .min
    private var missed = false
    /// The last entry that was repaired.
    private var repairedIndex = -1
    /// Records found so far that follow each other in the log.
    private var run: LogRun?
    /// What the records that were looked at have cost.
    private var examined = 0

    init(
        _ store: MessageStore, _ queue: ConsumeQueue, _ range: ReadRange, file: MappedFile, position: Int
    ) {
        self.store = store
        self.queue = queue
        offset = range.offset
        self.file = file
        self.position = position
        maxCount = range.maxCount
        maxBytes = range.maxBytes
        segments = store.log.snapshot
        logEnd = store.log.maxOffset
        limits = store.settings.transferLimits
        memoryBytes = store.settings.memoryBytes
        if range.source == .memory { memory = MemoryGate(logEnd: logEnd, recentBytes: store.configuration.recentBytes, disk: store.disk) }
    }

    mutating func run(
        asksEntries: Bool, recordCost: Int?, _ matchesEntry: (FilterEntry) -> Bool, _ matchesRecord: (FilterRecord) -> Bool,
        into result: inout ReadResult
    ) {
        let limit = entryLimit(&result)
        scan: while index < limit, examined < Self.examinedLimit {
            let entry = QueueEntry(file.base + position + index * QueueEntry.byteCount)
            lastPosition = entry.position
            // Without a trap: a damaged entry may say anything.
            let isFar = logEnd &- entry.position > memoryBytes
            switch choose(entry, isFar, asksEntries: asksEntries, matchesEntry, result) {
            case .skip:
                index += 1
                continue
            case .full: break scan
            case .needsDisk:
                result.needsDisk = true
                break scan
            case .take: index += 1
            }
            switch take(entry, isFar, recordCost: recordCost, matchesRecord, &result) {
            case .next: break
            case .again: index -= 1
            case .end:
                index -= 1
                result.needsDisk = true
                break scan
            }
        }
        finish(&result)
    }

    /// What to do about an entry, as far as it tells by itself.
    @inline(__always)
    private mutating func choose(
        _ entry: QueueEntry, _ isFar: Bool, asksEntries: Bool, _ matchesEntry: (FilterEntry) -> Bool, _ result: ReadResult
    ) -> Choice {
        if entry.position < resumeAt { return .skip }
        if result.messageCount > 0, isFull(result, entry, isFar) { return .full }
        if asksEntries {
            // Its extension is a file of its own.
            if QueueExtension.isAddress(entry.tagCode), memory?.holdsExtension(entry, of: queue) == false { return .needsDisk }
            if !matchesEntry(FilterEntry(entry, of: queue)) { return .skip }
        }
        return memory?.holds(entry, in: segments) == false ? .needsDisk : .take
    }

    /// How many entries may be looked at: never past the end of this queue file, nor of the queue, nor of what is in memory of it.
    private func entryLimit(_ result: inout ReadResult) -> Int {
        let available = Int(min(result.maxOffset - offset, Int64((file.byteCount - position) / QueueEntry.byteCount)))
        let wanted = min(max(800, max(0, maxCount)), available)
        guard let memory, !memory.wasWrittenLately(queue, entriesFromEnd: result.maxOffset - offset) else { return wanted }
        let resident = store.disk.residentBytes(file, position..<position + wanted * QueueEntry.byteCount) / QueueEntry.byteCount
        if resident == 0 { result.needsDisk = true }
        return min(wanted, resident)
    }

    @inline(__always)
    private func isFull(_ result: ReadResult, _ entry: QueueEntry, _ isFar: Bool) -> Bool {
        let bytes = result.byteCount &+ Int(entry.size)
        if result.messageCount >= maxCount || bytes > maxBytes { return true }
        // What memory turned out to hold is sent as such, however old.
        let waits = isFar && memory == nil
        return bytes > (waits ? limits.bytesOnDisk : limits.bytesInMemory) || result.messageCount >= (waits ? limits.countOnDisk : limits.countInMemory)
    }

    @inline(__always)
    private mutating func take(
        _ entry: QueueEntry, _ isFar: Bool, recordCost: Int?, _ matchesRecord: (FilterRecord) -> Bool, _ result: inout ReadResult
    ) -> Step {
        if run?.extend(by: entry) != true {
            run?.add(to: &result)
            if run?.move(to: entry) != true { run = LogRun(entry, in: segments, end: logEnd) }
            if run == nil { return notFound(entry, result) }
        }
        if entry.position < store.inheritedEnd || isFar, let found = run,
            let damage = store.damage(entry, in: found, queue, offset: offset + Int64(index - 1))
        {
            return isDamaged(entry, damage, result)
        }
        if let recordCost, let found = run {
            guard case .record(let record) = found.check(entry, verifiesBody: false) else {
                return isDamaged(entry, "no record is at \(entry.position)", result)
            }
            examined += recordCost + record.properties.count
            if !matchesRecord(FilterRecord(record)) {
                run?.dropLast(entry)
                return .next
            }
        }
        result.messageCount += 1
        result.byteCount += Int(entry.size)
        takenPosition = entry.position
        return .next
    }

    /// The log does not hold what the entry leads to.
    @inline(never)
    private mutating func notFound(_ entry: QueueEntry, _ result: ReadResult) -> Step {
        if let step = repaired(entry) { return step }
        missed = missed || result.messageCount == 0
        // Retention took whole segments. An entry that points anywhere else is damaged, and says nothing of others.
        let segmentBytes = Int64(store.log.segmentBytes)
        if !entry.isFiller, entry.position >= 0, entry.position < segments.first?.baseOffset ?? .max {
            resumeAt = entry.position - entry.position % segmentBytes + segmentBytes
        }
        return .next
    }

    @inline(never)
    private mutating func isDamaged(_ entry: QueueEntry, _ damage: String, _ result: ReadResult) -> Step {
        run?.dropLast(entry)
        if let step = repaired(entry) { return step }
        store.noteDamage(entry, queue, offset + Int64(index - 1), damage)
        missed = missed || result.messageCount == 0
        return .next
    }

    /// Searches the log for the record of a damaged entry, which takes too long for a read from memory.
    /// - Returns: nil when it is not there.
    private mutating func repaired(_ entry: QueueEntry) -> Step? {
        let damaged = offset + Int64(index - 1)
        guard repairedIndex < index, store.mayBeRepaired(entry, at: damaged, of: queue) else { return nil }
        if memory != nil { return .end }
        guard store.repairEntry(at: damaged, of: queue, is: entry) != nil else { return nil }
        repairedIndex = index
        return .again
    }

    private mutating func finish(_ result: inout ReadResult) {
        run?.add(to: &result)
        result.nextOffset = offset + Int64(index)
        result.status = result.messageCount > 0 ? .found : missed ? .messageWasRemoving : .noMatchedMessage
        result.bytesBehind = lastPosition >= 0 ? logEnd - lastPosition : 0
        result.lastStoreTimestamp = result.chunks.last?.storeTimestamp(at: takenPosition) ?? 0
        result.suggestsReplica = result.bytesBehind > memoryBytes
        if !result.needsDisk, let last = result.chunks.last {
            result.wantedAhead = memory?.missing(behind: last.offset + Int64(last.bytes.count), in: segments)
        }
    }
}
