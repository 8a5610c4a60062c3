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
    /// The last stop was clean: all files but the last of a queue are full.
    case clean
    /// Entries of records below this place in the log were written back. Later ones, possibly torn, are written again from
    /// the log, so they are cut off.
    case writtenBack(below: Int64)
    /// The reference wrote them, or the checkpoint does not fit: entries count until the first that cannot be one.
    case nothing

    /// Entries of records below this are trusted.
    var limit: Int64 {
        if case .writtenBack(let limit) = self { return limit }
        return .max
    }

    init(_ checkpoint: Checkpoint, wasClean: Bool, log: CommitLog) {
        if let own = checkpoint.own, own.safeOffset >= log.minOffset, own.safeOffset <= log.maxOffset {
            self = wasClean && own.cleanEnd == own.safeOffset ? .clean : .writtenBack(below: own.safeOffset)
        } else {
            self = .nothing
        }
    }
}
