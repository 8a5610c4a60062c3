/// What becomes of the index files that the last run left. Decided when the store is opened, carried out by the index thread.
///
///     clean stop, files as our mark says   all are right; go on where the mark says
///     crash, files of our mark there       the newest is cut to what was on the disk by then; later ones go
///     no mark, or others wrote since       after a clean stop all are believed, after a crash only full ones that were
///                                          flushed, as far as the log was; then the log is asked whether messages between
///                                          files are missing
///
/// A mark says from where on entries count for nothing: the log may have been cut there and have other messages since.
struct IndexPlan {
    /// Files to keep as they are, oldest first.
    var files: [IndexFile]
    /// A newer one, to keep its entries below a number, of messages before a log offset.
    var cut: (file: IndexFile, limit: Int32, end: Int64)?
    /// All messages before this log offset are in these files. nil: where the last entry's message ends.
    var indexedOffset: Int64?
    /// It is not known that there were no other files.
    var mayHaveGaps: Bool
    /// The files, or what is known of them, will not be what the checkpoint says.
    var changesFiles: Bool { cut != nil || mayHaveGaps }

    /// - Parameters:
    ///   - found: all files of the right size, oldest first.
    ///   - flushedTimestamp: the store time up to which full files were flushed, from the checkpoint.
    ///   - flushedOffset: up to where the log was on the disk for certain, from the checkpoint.
    ///   - logEnd: where the log ends; entries of messages beyond it are worthless.
    init(found: [IndexFile], mark: IndexMark?, wasClean: Bool, flushedTimestamp: Int64, flushedOffset: Int64, logEnd: Int64) {
        var limit: Int32?
        var end = logEnd
        let marked = found.prefix { $0.name <= mark?.lastName ?? 0 }
        if let mark, mark.names(marked), !wasClean, marked.dropLast().allSatisfy({ $0.isFull && $0.isConsistent }) {
            files = Array(marked)
            limit = files.isEmpty ? nil : Int32(clamping: mark.lastCount)
            indexedOffset = mark.indexedOffset
            mayHaveGaps = false
        } else if let mark, wasClean, mark.names(found), found.allSatisfy({ ($0.isFull || $0 === found.last) && $0.isConsistent }),
            Int64(found.last?.count ?? 0) == mark.lastCount {
            files = found
            indexedOffset = mark.indexedOffset
            mayHaveGaps = false
        } else {
            files = Array(found.prefix { file in
                file.isConsistent && (wasClean ? file.isFull || file === found.last : file.isFull && file.endTimestamp <= flushedTimestamp)
            })
            mayHaveGaps = true
            if !wasClean { end = min(end, flushedOffset) }
        }
        if let indexedOffset { end = min(end, indexedOffset) }
        while files.count > 1, files[files.count - 2].endOffset >= end {
            files.removeLast()
            limit = nil
        }
        if let last = files.last, limit != nil || last.endOffset >= end {
            cut = (last, limit ?? last.count, end)
            files.removeLast()
        }
        indexedOffset = indexedOffset.map { min($0, logEnd) }
    }
}
