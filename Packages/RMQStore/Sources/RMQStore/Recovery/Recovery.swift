import RMQCommon

/// Brings the files that the last run left into one consistent state, before anything else touches them.
///
///     log        ....████████████████████████████|▒▒ torn ▒▒|      1. walk from a known boundary to the last good record
///     queues     ....██████████████████|                            2. write the entries that are missing on the way
///                     ^ safe offset            ^ end                3. cut log and queues at the end
///
/// Where the walk starts: after a clean stop at the checkpoint's clean end; after a crash at the beginning of the segment
/// that holds the checkpoint's safe offset. Without our part of the checkpoint (the reference wrote the store) as the
/// reference does: the third-last segment, or the newest one that begins before the safe time. Queues with damaged files are
/// completed before that, from the log behind their last good entry. When queues are missing, too short for their next record
/// or for what the checkpoint counted, or lack their first files, all of the log is walked (headers only) and all are written
/// again.
struct Recovery {
    /// What was found and done, for one log line.
    struct Summary: Equatable {
        var wasClean = false
        var startOffset: Int64 = 0
        var endOffset: Int64 = 0
        var recordsChecked = 0
        var entriesWritten = 0
        var mendedQueues = 0
        /// Why all queues were written again; empty when they were not.
        var rebuildReason = ""
        var endReason = ""

        /// Whether queues have entries that may not be on the disk.
        var hasWritten: Bool { entriesWritten > 0 || mendedQueues > 0 || !rebuildReason.isEmpty }
    }

    private let configuration: StoreConfiguration
    let log: CommitLog
    let queues: QueueTable
    private let checkpointPath: String
    private let disk: DiskCalls
    /// As it was found.
    let checkpoint: Checkpoint
    /// As the file is now.
    private(set) var currentCheckpoint: Checkpoint
    let logger: Logger
    private var summary = Summary()
    private var builder: QueueBuilder<RecoveryPlacing>
    /// Scratch space of one record: the entries that it got.
    private var written: [Dispatcher.Arrival] = []
    /// A queue lacks what came before a record that was met.
    private var foundGap = false

    /// After a crash, checksums are compared from this far before the safe offset on.
    private static let checksumMargin: Int64 = 16 << 20

    init(
        configuration: StoreConfiguration, log: CommitLog, queues: QueueTable, checkpointPath: String, checkpoint: Checkpoint, wasClean: Bool,
        disk: DiskCalls, logger: Logger
    ) {
        self.configuration = configuration
        self.log = log
        self.queues = queues
        self.checkpointPath = checkpointPath
        self.disk = disk
        self.checkpoint = checkpoint
        currentCheckpoint = checkpoint
        self.logger = logger
        builder = QueueBuilder(
            RecoveryPlacing(trustedEnd: checkpoint.own?.safeOffset ?? 0, logger: logger), queues: queues, configuration: configuration, logger: logger)
        summary.wasClean = wasClean
    }

    mutating func run(_ held: borrowing AppendState) throws(StoreError) -> Summary {
        let segments = log.snapshot
        guard let first = segments.first else {
            try dropQueues(held)
            return summary
        }
        let start = startOffset(segments)
        summary.startOffset = start.offset
        try mendDamagedQueues(segments, until: start.offset, held)
        builder.placing.fillsGaps = start.offset <= log.minOffset
        var end = max(writtenBackEnd, try walk(segments, from: start.offset, checksumsFrom: start.checksumsFrom, stopsAtDamage: true, held))
        try builder.placing.settleRest(deletionsLast: deletionsLast, held)
        if let lack = try queuesLack(end: end, start: start.offset) {
            summary.rebuildReason = lack
            logger.warning("\(lack): all queues are written again from the log")
            let reason = summary.endReason
            // What follows `end` is not part of the log any more.
            try log.truncate(to: end, distrusting: true, held)
            try disownQueues()
            builder.placing.beginRemaking()
            end = max(end, try walk(log.snapshot, from: first.baseOffset, checksumsFrom: .max, stopsAtDamage: false, held))
            try builder.placing.settleRest(deletionsLast: false, held)
            // What is left says something only about records that the log no longer has.
            for queue in queues.all where !builder.placing.hasRemade(queue) { try queue.truncate(toPhysicalOffset: first.baseOffset, held) }
            summary.endReason = reason
        }
        summary.endOffset = end
        try log.truncate(to: end, distrusting: !summary.wasClean, held)
        // From here on the log counts as durable. After a crash that is not known of what follows the safe offset.
        if !summary.wasClean { try log.rewrite(from: min(end, max(checkpoint.own?.safeOffset ?? start.offset, log.minOffset))) }
        let minimum = log.minOffset
        for queue in queues.all {
            try queue.truncate(toPhysicalOffset: end, held)
            if queue.firstPhysicalOffset < minimum { try queue.correctMinimum(logMinimum: minimum) }
            queue.resumeAssigning(held)
        }
        for segment in segments { segment.releaseResidentPages() }
        queues.mappings.giveBackAll(held)
        return summary
    }

    /// Everything below was on the disk when the last run ended.
    private var writtenBackEnd: Int64 {
        if let own = checkpoint.own, own.safeOffset >= log.minOffset, own.safeOffset <= log.maxOffset { return own.safeOffset }
        guard summary.wasClean else { return log.minOffset }
        // A file that begins with a record was not begun before the one before it was full.
        return log.snapshot.last { if case .record = RecordCheck.check($0, at: 0, verifiesBody: false) { true } else { false } }?.baseOffset
            ?? log.minOffset
    }

    /// Whether the entries that were found are of their topics' last lives. Deletions are on the disk before what follows them,
    /// but two write entries of an earlier life: a recovery, until it meets the records behind the deletion, which disowns the
    /// checkpoint first; and a replica, which only learns of a deletion by the record with offset 0.
    private var deletionsLast: Bool {
        guard let own = checkpoint.own, !trust.isUnknown, configuration.role != .replica else { return false }
        return own.queues.ends != nil && !own.isDisowned
    }

    // MARK: Queues

    /// A log without files: nothing that the queues say is of use. Unless the log is just not there.
    private func dropQueues(_ held: borrowing AppendState) throws(StoreError) {
        let left = queues.all.filter(\.hasFiles)
        if !left.isEmpty, checkpoint.own?.queues.count ?? 0 > 0 {
            throw .emptyLog(directories: configuration.commitLogDirectories, queueDirectory: configuration.consumeQueueDirectory)
        }
        for damaged in queues.damaged { _ = try damaged.queue.load(damaged.files, trust, cutsHoles: true) }
        for queue in queues.all where queue.hasFiles {
            logger.warning("the log is empty: dropping queue \(queue.queueId) of \(queue.topic)")
            try queue.reset(held)
        }
    }

    /// Completes queues with damaged files from behind their last good entry, up to where the walk begins.
    private mutating func mendDamagedQueues(_ segments: [MappedFile], until end: Int64, _ held: borrowing AppendState) throws(StoreError) {
        let damaged = queues.damaged
        guard !damaged.isEmpty else { return }
        try disownQueues()
        var start = end
        var ends: [Int64] = []
        for (queue, files, isCertain) in damaged.map({ ($0.queue, $0.files, $0.isCertain) }) {
            _ = try queue.load(files, trust, cutsHoles: isCertain)
            // Damage seldom ends exactly where an entry does, and the walk is to begin where the last sound one's record ends.
            if isCertain, queue.maxOffset > queue.minOffset {
                try queue.dropNewest(held) { entry, offset in isSound(entry, offset, of: queue, segments) }
            }
            start = min(start, max(log.minOffset, queue.maxPhysicalOffset))
            ends.append(queue.maxOffset)
            guard isCertain else { continue }
            logger.warning("\(files.faultText): queue \(queue.queueId) of \(queue.topic) is written again from offset \(queue.maxOffset) on")
        }
        summary.mendedQueues = damaged.count
        builder.placing.complete(damaged.map(\.queue))
        guard start < end else { return }
        if !isBoundary(start, segments) { start = segments.last { $0.baseOffset <= start }?.baseOffset ?? log.minOffset }
        summary.startOffset = start
        builder.queues.choose(damaged.map(\.queue))
        builder.placing.fillsGaps = true
        _ = try walk(segments, from: start, until: end, checksumsFrom: .max, stopsAtDamage: false, held)
        builder.queues.choose(nil)
        for (damaged, end) in zip(damaged, ends) where !damaged.isCertain && damaged.queue.maxOffset > end {
            let queue = damaged.queue
            logger.warning("files of queue \(queue.queueId) of \(queue.topic) are missing: it is written again from offset \(end) on")
        }
    }

    /// Whether an entry leads to its record; what the log does not hold any more cannot be asked.
    private func isSound(_ entry: QueueEntry, _ offset: Int64, of queue: ConsumeQueue, _ segments: [MappedFile]) -> Bool {
        if entry.position < log.minOffset { return entry.position >= 0 && entry.end <= log.minOffset }
        guard let (segment, position) = CommitLog.range(at: entry.position, count: Int(entry.size), in: segments, end: log.maxOffset),
            case .record(let record) = RecordCheck.check(segment, at: position, verifiesBody: false)
        else { return false }
        return record.byteCount == Int(entry.size) && record.isAt(offset, of: queue)
    }

    /// Until all queues are whole and on the disk, a crash must lead to another look at all of them.
    private mutating func disownQueues() throws(StoreError) {
        guard currentCheckpoint.own != nil else { return }
        currentCheckpoint.disownQueues()
        try currentCheckpoint.write(checkpointPath, disk)
    }

    private var trust: QueueTrust { QueueTrust(checkpoint, wasClean: summary.wasClean, log: log) }

    // MARK: Where to start

    private func startOffset(_ segments: [MappedFile]) -> (offset: Int64, checksumsFrom: Int64) {
        let first = segments[0].baseOffset
        let end = segments[segments.count - 1].baseOffset + Int64(log.segmentBytes)
        let everywhere = configuration.verifiesChecksumsOnRecovery ? Int64(0) : Int64.max
        if let own = checkpoint.own, own.safeOffset >= first, own.safeOffset <= end {
            if summary.wasClean, own.cleanEnd == own.safeOffset, isBoundary(own.safeOffset, segments) { return (own.safeOffset, everywhere) }
            let segment = segments.last { $0.baseOffset <= own.safeOffset } ?? segments[0]
            return (segment.baseOffset, max(everywhere, own.safeOffset - Self.checksumMargin))
        }
        if summary.wasClean { return (segments[max(0, segments.count - 3)].baseOffset, everywhere) }
        let segment = segments.last { segment in
            guard case .record(let record) = RecordCheck.check(segment, at: 0, verifiesBody: false) else { return false }
            return record.storeTimestamp != 0 && record.storeTimestamp <= checkpoint.safeTimestamp
        }
        return ((segment ?? segments[0]).baseOffset, everywhere)
    }

    /// Whether a record, a filler or nothing at all stands at an offset.
    private func isBoundary(_ offset: Int64, _ segments: [MappedFile]) -> Bool {
        guard let segment = segments.last(where: { $0.baseOffset <= offset }) else { return false }
        let position = Int(offset - segment.baseOffset)
        if position == segment.byteCount || segment.isZero(from: position, count: RecordLayout.fillerByteCount) { return true }
        if case .invalid = RecordCheck.check(segment, at: position, verifiesBody: true) { return false }
        return true
    }

    /// What queues lack that should be there, as far as can be told without walking the whole log; nil when nothing.
    private func queuesLack(end: Int64, start: Int64) throws(StoreError) -> String? {
        if foundGap { return "a queue has no entry for what came before a record" }
        guard let own = checkpoint.own else {
            // The reference wrote it: as long as the newest indexed record lies in what was walked, its queues are trusted.
            let newest = queues.all.map(\.maxPhysicalOffset).max() ?? -1
            if newest < start || (newest < 0 && end > log.minOffset) { return "the queues end before what was looked at of the log" }
            return try queueWithoutStart()
        }
        let now = queues.print(below: own.safeOffset)
        if !now.hasSameQueues(as: own.queues) { return "queues that the checkpoint counted are missing, or others are there" }
        if let ends = own.queues.ends, now.ends != ends { return "a queue has not as many entries as the checkpoint counted" }
        return now.starts == own.queues.starts ? nil : try queueWithoutStart()
    }

    // MARK: The walk

    /// Goes from record to record and writes missing queue entries.
    /// - Parameters:
    ///   - limit: records from here on are not looked at.
    ///   - stopsAtDamage: whether the first bad record behind what was written back is the end of the log. Any other is
    ///     damage, and the next good one is looked for.
    /// - Returns: where the last good record ends.
    private mutating func walk(
        _ segments: [MappedFile], from start: Int64, until limit: Int64 = .max, checksumsFrom: Int64, stopsAtDamage: Bool,
        _ held: borrowing AppendState
    ) throws(StoreError) -> Int64 {
        let limit = min(limit, log.maxOffset)
        var end = start
        for segment in segments where segment.baseOffset + Int64(segment.byteCount) > start {
            var position = max(0, Int(start - segment.baseOffset))
            scan: while position < segment.byteCount {
                let offset = segment.baseOffset + Int64(position)
                guard offset < limit else { return end }
                switch check(segment, at: position, verifiesBody: offset >= checksumsFrom) {
                case .record(let record):
                    try dispatch(record, held)
                    summary.recordsChecked += 1
                    position += record.byteCount
                    end = segment.baseOffset + Int64(position)
                case .filler:
                    end = segment.baseOffset + Int64(segment.byteCount)
                    break scan
                case .invalid(let reason):
                    if stopsAtDamage, offset >= writtenBackEnd {
                        summary.endReason = "at offset \(offset): \(reason)"
                        return end
                    }
                    // It was on the disk: this is damage and no torn end, and what follows was acknowledged.
                    let next = RecordCheck.nextRecord(in: segment, from: position + 1)
                    logger.error("\(segment.path) is damaged at offset \(offset): \(reason); going on "
                        + (next.map { "at \(segment.baseOffset + Int64($0))" } ?? "with the next file"))
                    guard let next else { break scan }
                    position = next
                }
            }
        }
        return end
    }

    /// After a crash, what was not certainly on the disk is looked at more closely: no checksum covers topic and properties.
    private func check(_ segment: MappedFile, at position: Int, verifiesBody: Bool) -> RecordCheck {
        let result = RecordCheck.check(segment, at: position, verifiesBody: verifiesBody)
        guard !summary.wasClean, case .record(let record) = result, record.end > checkpoint.own?.safeOffset ?? 0, record.lacksSector(in: segment)
        else { return result }
        return .invalid(reason: "a sector of the record's topic or properties was never written")
    }

    /// Sees to it that a record's queue has its entry.
    private mutating func dispatch(_ record: CheckedRecord, _ held: borrowing AppendState) throws(StoreError) {
        written.removeAll(keepingCapacity: true)
        switch try builder.dispatch(record, into: &written, held) {
        case .written:
            summary.entriesWritten += 1
            queues.mappings.stayWithinLimit(held)
        case .gap: foundGap = true
        case .present, .noQueue: break
        }
    }
}
