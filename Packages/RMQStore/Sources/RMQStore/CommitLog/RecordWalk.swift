/// The records of one segment from a position on, in their order; what is damaged between them is passed over. Bodies
/// are not checked.
struct RecordWalk: Sequence, IteratorProtocol {
    private let segment: MappedFile
    private var position: Int
    private let limit: Int

    /// - Parameters:
    ///   - start: an offset of the log where a record begins, or one before the segment.
    ///   - end: records that begin here or behind are not visited.
    init(_ segment: MappedFile, from start: Int64, to end: Int64) {
        self.segment = segment
        position = Int(clamping: Swift.max(0, start - segment.baseOffset))
        limit = Int(clamping: Swift.min(Int64(segment.byteCount), end - segment.baseOffset))
    }

    mutating func next() -> CheckedRecord? {
        while position < limit {
            switch RecordCheck.check(segment, at: position, verifiesBody: false) {
            case .record(let record):
                position += record.byteCount
                return record
            case .filler:
                position = limit
            case .invalid:
                position = RecordCheck.nextRecord(in: segment, from: position + 1) ?? limit
            }
        }
        return nil
    }
}
