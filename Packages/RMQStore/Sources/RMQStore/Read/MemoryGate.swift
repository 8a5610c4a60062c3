/// Tells a read what of the log is in memory, without touching the log: a touch of what is not would wait for the disk.
struct MemoryGate {
    /// How much of the log one question to the kernel is about. As much as a pull carries.
    private static let askedBytes = 256 << 10
    /// What is read ahead for one reader at a time: some milliseconds of a disk's work.
    static let aheadBytes: Int64 = 4 << 20
    /// Entries of a page of a queue's file.
    private static let entriesPerPage = Int64(MappedFile.pageBytes / QueueEntry.byteCount)

    private let recentFrom: Int64
    private let logEnd: Int64
    private let disk: DiskCalls
    /// Bytes of the log that are known to be in memory.
    private var known: Range<Int64> = 0..<0
    /// The same of the queue's extension, by addresses.
    private var knownUnits: Range<Int64> = 0..<0

    /// - Parameter recentBytes: ``StoreConfiguration/recentBytes``.
    init(logEnd: Int64, recentBytes: Int64, disk: DiskCalls) {
        self.logEnd = logEnd
        self.disk = disk
        recentFrom = logEnd - recentBytes
    }

    /// Whether the newest entries of a queue were written so lately that their page of its file is in memory.
    func wasWrittenLately(_ queue: ConsumeQueue, entriesFromEnd: Int64) -> Bool {
        entriesFromEnd <= Self.entriesPerPage && queue.maxPhysicalOffset > recentFrom
    }

    /// Whether an entry's record, and what its queue's extension says of it, was written lately.
    @inline(__always)
    func isRecent(_ entry: QueueEntry) -> Bool { entry.position >= recentFrom }

    /// Whether the record of an entry can be read without waiting. An entry that leads nowhere holds no reader up.
    @inline(__always)
    mutating func holds(_ entry: QueueEntry, in segments: [MappedFile]) -> Bool {
        if isRecent(entry) { return true }
        if entry.position >= known.lowerBound, entry.end <= known.upperBound { return true }
        return look(entry, in: segments)
    }

    /// Whether the extension unit of an entry can be read without waiting.
    @inline(__always)
    mutating func holdsExtension(_ entry: QueueEntry, of queue: ConsumeQueue) -> Bool {
        isRecent(entry) || knownUnits.contains(entry.tagCode) || lookAtExtension(entry.tagCode, of: queue)
    }

    @inline(never)
    private mutating func lookAtExtension(_ address: Int64, of queue: ConsumeQueue) -> Bool {
        // Without its unit, a message counts as one that has none.
        guard let (file, position) = queue.extensions.place(of: address) else { return true }
        let resident = disk.residentBytes(file, position..<min(position + Self.askedBytes, file.byteCount))
        guard resident >= min(QueueExtensionUnit.fixedBytes, file.byteCount - position) else { return false }
        guard resident >= QueueExtensionUnit.size(file, at: position) ?? 0 else { return false }
        // Units that begin here end within what is in memory, however long they are.
        knownUnits = address..<address &+ Int64(max(resident - QueueExtensionUnit.maxBytes, 1))
        return true
    }

    @inline(never)
    private mutating func look(_ entry: QueueEntry, in segments: [MappedFile]) -> Bool {
        guard let (file, position) = CommitLog.range(at: entry.position, count: Int(entry.size), in: segments, end: logEnd) else { return true }
        let asked = min(max(Int(entry.size), Self.askedBytes), file.byteCount - position)
        let resident = disk.residentBytes(file, position..<position + asked)
        known = entry.position..<entry.position + Int64(resident)
        return resident >= Int(entry.size)
    }

    /// The part of the log that a reader who has got to `position` will want next, if it is not in memory.
    func missing(behind position: Int64, in segments: [MappedFile]) -> Int64? {
        guard position < recentFrom else { return nil }
        let next = (position / Self.aheadBytes + 1) * Self.aheadBytes
        guard next < recentFrom, let (file, start) = CommitLog.range(at: next, count: 1, in: segments, end: logEnd) else { return nil }
        return disk.residentBytes(file, start..<start + 1) == 1 ? nil : next
    }
}
