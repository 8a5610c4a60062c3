/// What all queues of a store share, so that each of tens of thousands need not hold it.
final class QueuePlace: Sendable {
    let directory: String
    let extensionDirectory: String
    let fileBytes: Int
    /// Weak, as it knows the queues, which know this.
    weak let mappings: QueueMappings?
    let disk: DiskCalls
    /// nil: entries carry plain tag codes.
    let extensions: ExtensionSettings?

    init(_ configuration: StoreConfiguration, mappings: QueueMappings, disk: DiskCalls, filterBitmap: FilterBitmap?) {
        extensions = configuration.writesQueueExtensions
            ? ExtensionSettings(fileBytes: configuration.extensionFileBytes, filterBitmap: filterBitmap) : nil
        self.disk = disk
        directory = configuration.consumeQueueDirectory
        extensionDirectory = configuration.extensionDirectory
        fileBytes = configuration.consumeQueueFileLength
        self.mappings = mappings
    }
}

/// What is known about the queues' files before they are looked at.
enum QueueTrust: Equatable {
    /// The last stop was clean, with the log's end here: all files but the last of a queue are full.
    case clean(end: Int64)
    /// Entries of records below this place in the log were written back. Later ones, possibly torn, are written again from
    /// the log, so they are cut off. The log ended before `logEnd`.
    case writtenBack(below: Int64, logEnd: Int64)
    /// The reference wrote them, or the checkpoint does not fit: entries count until the first that cannot be one.
    case nothing(logEnd: Int64)

    /// Entries of records below this are trusted.
    var limit: Int64 {
        switch self {
        case .clean(let end): end
        case .writtenBack(let limit, _): limit
        case .nothing(let logEnd): logEnd
        }
    }

    var isClean: Bool { if case .clean = self { true } else { false } }
    var isUnknown: Bool { if case .nothing = self { true } else { false } }

    /// Whether an entry that is not to be kept is what the last run may have left there: nothing, or after a crash one that was
    /// not written back. Anything else was destroyed.
    func mayFollow(_ entry: QueueEntry) -> Bool {
        if entry.isEmpty { return true }
        guard case .writtenBack(let limit, let logEnd) = self else { return false }
        return entry.isFiller || entry.isValid && entry.position >= limit && entry.position < logEnd
    }

    /// Whether the queue's files end where a next one would begin, and no checkpoint tells whether there was one.
    func mayLackLastFiles(_ queue: ConsumeQueue) -> Bool {
        isUnknown && queue.maxOffset % queue.entriesPerFile == 0
    }

    init(_ checkpoint: Checkpoint, wasClean: Bool, log: CommitLog) {
        if let own = checkpoint.own, own.safeOffset >= log.minOffset, own.safeOffset <= log.maxOffset {
            self = wasClean && own.cleanEnd == own.safeOffset ? .clean(end: own.cleanEnd) : .writtenBack(below: own.safeOffset, logEnd: log.maxOffset + Int64(log.segmentBytes))
        } else {
            self = .nothing(logEnd: log.maxOffset)
        }
    }
}
