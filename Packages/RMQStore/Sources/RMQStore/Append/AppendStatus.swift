/// What became of an append, as the reference's clients know it.
public enum AppendStatus: Sendable, Equatable, CaseIterable {
    case ok
    /// Stored, but not confirmed to be on the disk in time.
    case flushDiskTimeout
    /// Stored, but not confirmed by enough replicas in time.
    case flushReplicaTimeout
    /// Stored, but there are not enough replicas that could confirm it.
    case replicaNotAvailable

    /// Not stored, for a reason that the store's state is: closed, a replica, a full disk.
    case serviceNotAvailable
    case createSegmentFailed
    case messageIllegal
    case propertiesSizeExceeded
    case pageCacheBusy
    /// The message names a light queue too many.
    case tooManyLightQueues
    case unknownError

    /// Whether the message is in the log; what waits to be confirmed may still be lost.
    public var isStored: Bool {
        switch self {
        case .ok, .flushDiskTimeout, .flushReplicaTimeout, .replicaNotAvailable: true
        case .serviceNotAvailable, .createSegmentFailed, .messageIllegal, .propertiesSizeExceeded, .pageCacheBusy, .tooManyLightQueues,
            .unknownError:
            false
        }
    }

    /// The reference's name.
    public var name: String {
        switch self {
        case .ok: "PUT_OK"
        case .flushDiskTimeout: "FLUSH_DISK_TIMEOUT"
        case .flushReplicaTimeout: "FLUSH_SLAVE_TIMEOUT"
        case .replicaNotAvailable: "SLAVE_NOT_AVAILABLE"
        case .serviceNotAvailable: "SERVICE_NOT_AVAILABLE"
        case .createSegmentFailed: "CREATE_MAPEDFILE_FAILED"
        case .messageIllegal: "MESSAGE_ILLEGAL"
        case .propertiesSizeExceeded: "PROPERTIES_SIZE_EXCEEDED"
        case .pageCacheBusy: "OS_PAGECACHE_BUSY"
        case .tooManyLightQueues: "LMQ_CONSUME_QUEUE_NUM_EXCEEDED"
        case .unknownError: "UNKNOWN_ERROR"
        }
    }
}

extension StoreError {
    /// The status of an append that this error refused.
    public var appendStatus: AppendStatus {
        switch self {
        case .notRunning, .isReplica, .roleChanged, .notWriteable, .flushFailed, .diskFull: .serviceNotAvailable
        case .pageCacheBusy: .pageCacheBusy
        case .bodyTooLarge, .recordTooLarge, .topicTooLong, .unsafeQueueName, .malformedBatch, .batchNotAllowed: .messageIllegal
        case .propertiesTooLarge: .propertiesSizeExceeded
        case .segmentUnavailable: .createSegmentFailed
        case .system, .notReplica, .notContiguous, .malformedRecord, .segmentMismatch: .unknownError
        case .tooManyLightQueues: .tooManyLightQueues
        case .invalidConfiguration, .featureMissing, .directoryInUse, .wrongFileSize, .missingFile, .unreadableFile,
            .duplicateFile, .missingDirectory, .emptyLog:
            .unknownError
        }
    }
}
