import RMQCommon

/// Goes along the log and puts the keys of every record into the index files. Index thread only.
struct IndexFollower {
    private let log: CommitLog
    private let files: IndexFiles
    private let logger: Logger
    private let clock: WallClock
    /// Everything before is in the files. Always where a record begins, or will.
    private(set) var position: Int64 = 0
    private var current: IndexFile?
    /// How many keys of the next record are in the files already: a file may be full, or a disk, between two of them.
    private var knownKeys = 0
    /// Files written to since they were last made durable, oldest first.
    private(set) var unsaved: [IndexFile] = []
    /// Whether one of them has become full. The reference drops every file after a crash that is not known to be on the disk.
    var hasUnsavedFullFile: Bool { unsaved.count > 1 || unsaved.first?.isFull == true }

    init(log: CommitLog, files: IndexFiles, logger: Logger, clock: WallClock) {
        self.log = log
        self.files = files
        self.logger = logger
        self.clock = clock
    }

    // MARK: Following

    /// Takes up to `maxRecords` records that begin before `limit`.
    mutating func follow(to limit: Int64, maxRecords: Int) throws(StoreError) {
        let segments = log.snapshot
        guard let first = segments.first else { return }
        position = max(position, first.baseOffset)
        var records = 0
        while position < limit, records < maxRecords {
            let index = Int((position - first.baseOffset) / Int64(first.byteCount))
            guard index < segments.count else { return }
            let segment = segments[index]
            let segmentEnd = segment.baseOffset + Int64(segment.byteCount)
            switch RecordCheck.check(segment, at: Int(position - segment.baseOffset), verifiesBody: false) {
            case .record(let record):
                try put(record)
                knownKeys = 0
                position += Int64(record.byteCount)
                records += 1
            case .filler:
                position = segmentEnd
                // Far behind: what was read here need not stay mapped in.
                if limit - position > Int64(segment.byteCount) { segment.releaseResidentPages() }
            case .invalid(let reason):
                logger.error("the log is damaged at \(position): \(reason); keys in \(segment.path) are indexed from the next record on")
                let next = RecordCheck.nextRecord(in: segment, from: Int(position - segment.baseOffset) + 1)
                position = next.map { segment.baseOffset + Int64($0) } ?? segmentEnd
            }
        }
    }

    /// Rolled-back messages have no keys. All others have, also half messages under the topic that they are stored in.
    @inline(__always)
    private static func keys(of record: CheckedRecord) -> RecordKeys? {
        guard !record.systemFlag.isRolledBack else { return nil }
        let keys = RecordKeys(record.properties)
        return keys.isEmpty ? nil : keys
    }

    @inline(__always)
    private mutating func put(_ record: CheckedRecord) throws(StoreError) {
        guard let keys = Self.keys(of: record) else { return }
        let hash = KeyHash(topic: record.topic)
        var number = 0
        try keys.forEach { (key) throws(StoreError) in
            number += 1
            if number > knownKeys {
                try put(hash(key), of: record)
                knownKeys = number
            }
            return true
        }
    }

    @inline(__always)
    private mutating func put(_ hash: Int32, of record: CheckedRecord) throws(StoreError) {
        if let current, try current.put(hash: hash, offset: record.physicalOffset, timestamp: record.storeTimestamp) { return }
        let next = try files.add(now: clock.now())
        current = next
        unsaved.append(next)
        _ = try next.put(hash: hash, offset: record.physicalOffset, timestamp: record.storeTimestamp)
    }

    // MARK: Making durable

    /// Writes everything back that was put since the last time.
    /// - Returns: what is on the disk now, and the store time of the newest full file among it.
    mutating func save() throws(StoreError) -> (mark: IndexMark, fullTimestamp: Int64?) {
        for file in unsaved { try file.synchronize() }
        let all = files.snapshot
        if !unsaved.isEmpty { try files.synchronizeNames() }
        unsaved = current.flatMap { $0.isFull ? nil : [$0] } ?? []
        return (IndexMark(all, indexedOffset: position), all.last(where: \.isFull)?.endTimestamp)
    }

    // MARK: Beginning

    /// Brings the files into a state that can be gone on from, and finds out from where.
    mutating func prepare(_ plan: IndexPlan, logEnd: Int64) throws(StoreError) {
        var kept = plan.files
        var indexedOffset = plan.indexedOffset
        if let cut = plan.cut {
            if cut.file.cut(to: cut.limit, logEnd: cut.end) {
                kept.append(cut.file)
            } else {
                logger.warning("index file \(cut.file.path) is damaged; it is written again from the log")
                indexedOffset = nil
            }
        }
        if plan.mayHaveGaps, let index = firstGap(kept, logEnd: logEnd) {
            logger.warning("index files before \(kept[index].path) are missing, or it is damaged; it and all later ones are written again from the log")
            kept.removeSubrange(index...)
            indexedOffset = nil
        }
        try files.keepOnly(kept)
        try resume(at: indexedOffset, logEnd: logEnd)
    }

    /// Forgets a file that turned out to be damaged and all later ones, and goes back to where the one before ends.
    mutating func goBack(before name: Int64, logEnd: Int64) throws(StoreError) {
        try files.drop(from: name)
        try resume(at: nil, logEnd: logEnd)
    }

    private mutating func resume(at indexedOffset: Int64?, logEnd: Int64) throws(StoreError) {
        current = files.last.flatMap { $0.isFull ? nil : $0 }
        unsaved = current.map { [$0] } ?? []
        knownKeys = 0
        if let indexedOffset, indexedOffset >= log.minOffset, indexedOffset == logEnd || record(at: indexedOffset) != .nothing {
            position = indexedOffset
            return
        }
        position = log.minOffset
        guard let last = files.snapshot.last(where: { !$0.isEmpty }), last.endOffset >= log.minOffset else { return }
        guard case .record = record(at: last.endOffset) else {
            logger.warning("index file \(last.path) ends with a message that the log does not have; it is written again from the log")
            return try goBack(before: last.name, logEnd: logEnd)
        }
        position = last.endOffset
        for file in files.snapshot.reversed() where !file.isEmpty {
            knownKeys += file.entries(endingWith: position)
            if file.beginOffset < position { break }
        }
    }

    private enum Found: Equatable {
        case record(end: Int64, hasKeys: Bool)
        case filler(end: Int64)
        case nothing
    }

    private func record(at offset: Int64) -> Found {
        guard let (segment, position) = log.range(at: offset, count: MessageRecord.fillerByteCount) else { return .nothing }
        switch RecordCheck.check(segment, at: position, verifiesBody: false) {
        case .record(let record): return .record(end: offset + Int64(record.byteCount), hasKeys: Self.keys(of: record) != nil)
        case .filler: return .filler(end: segment.baseOffset + Int64(segment.byteCount))
        case .invalid: return .nothing
        }
    }

    /// The first file before which the log has messages with keys that no file has.
    private func firstGap(_ files: [IndexFile], logEnd: Int64) -> Int? {
        var position = log.minOffset
        for (index, file) in files.enumerated() where !file.isEmpty {
            while position < min(file.beginOffset, logEnd) {
                switch record(at: position) {
                case .record(_, hasKeys: true), .nothing: return index
                case .record(let end, hasKeys: false), .filler(let end): position = end
                }
            }
            if file.endOffset >= position {
                guard case .record(let end, _) = record(at: file.endOffset) else { return index }
                position = end
            }
        }
        return nil
    }
}
