/// Records that follow each other in one segment: what a read hands out as one range, without looking at each.
struct LogRun {
    private let file: MappedFile
    private var start: Int
    private var end: Int
    /// Positions from here on are not written yet, or in the next segment.
    private let limit: Int

    /// The record of an entry; nil when the log does not hold it.
    init?(_ entry: QueueEntry, in segments: [MappedFile], end logEnd: Int64) {
        guard let (file, position) = CommitLog.range(at: entry.position, count: Int(entry.size), in: segments, end: logEnd) else { return nil }
        self.file = file
        start = position
        end = position + Int(entry.size)
        limit = Int(min(Int64(file.byteCount), logEnd - file.baseOffset))
    }

    /// Takes the record of an entry in, if it is the next one.
    @inline(__always)
    mutating func extend(by entry: QueueEntry) -> Bool {
        guard entry.position == file.baseOffset + Int64(end), entry.size > 0, Int(entry.size) <= limit - end else { return false }
        end += Int(entry.size)
        return true
    }

    /// Begins again with the record of an entry, if it lies further on in the same segment.
    @inline(__always)
    mutating func move(to entry: QueueEntry) -> Bool {
        guard entry.position >= file.baseOffset + Int64(end), entry.position < file.baseOffset + Int64(limit) else { return false }
        let position = Int(entry.position - file.baseOffset)
        guard entry.size > 0, Int(entry.size) <= limit - position else { return false }
        start = position
        end = position + Int(entry.size)
        return true
    }

    /// Gives the record of the newest entry up again.
    mutating func dropLast(_ entry: QueueEntry) { end -= Int(entry.size) }

    func check(_ entry: QueueEntry, verifiesBody: Bool) -> RecordCheck {
        RecordCheck.check(file, at: end - Int(entry.size), verifiesBody: verifiesBody)
    }

    func add(to result: inout ReadResult) {
        guard end > start else { return }
        result.chunks.append(MappedRange(owner: file, start: start, count: end - start))
    }
}
