import Glibc
import RMQCommon

/// What the store refuses or cannot do. Sizes are in bytes.
public enum StoreError: Error, Equatable, Sendable {
    // Opening
    /// A setting has a value outside of what is `allowed`, in words.
    case invalidConfiguration(key: String, value: String, allowed: String)
    /// The configuration asks for something that this version does not have.
    case featureMissing(String, key: String, value: String)
    /// Another process, or another store of this one, holds the directory.
    case directoryInUse(lockFile: String, holder: String?)
    case wrongFileSize(path: String, bytes: Int64, expected: Int64)
    /// Files of a log must follow each other without a gap.
    case missingFile(before: String, expectedOffset: Int64)
    /// Neither the file nor its backup makes sense.
    case unreadableFile(path: String, reason: String)
    /// Two roots of the commit log hold the same part of it.
    case duplicateFile(path: String, other: String)
    /// There are consume queues with messages and no commit log.
    case emptyLog(directories: [String], queueDirectory: String)
    /// A root of the commit log is not there.
    case missingDirectory(path: String, key: String)

    // Appending
    /// The body as it came, compressed or not.
    case bodyTooLarge(bytes: Int, limit: Int)
    case recordTooLarge(bytes: Int, limit: Int)
    /// Cannot be the name of a directory.
    case unsafeQueueName(topic: String, queueId: Int32)
    case topicTooLong(bytes: Int, limit: Int)
    case propertiesTooLarge(bytes: Int, limit: Int)
    case malformedBatch(at: Int, reason: String)
    /// The message names a light queue that does not exist, and there may be no more of them.
    case tooManyLightQueues(limit: Int)
    /// Transactional messages cannot come in a batch.
    case batchNotAllowed(reason: String)
    /// Not started yet, or closed.
    case notRunning
    /// Only what the master sends may be appended.
    case isReplica
    /// The store became a replica, or its log was cut, before the message was confirmed: it may or may not be there.
    case roleChanged
    case notWriteable(RunningFlags.Reason)
    /// An append has been writing for so long that the next one would only wait, too.
    case pageCacheBusy(milliseconds: Int64, limit: Int64)
    /// No new segment within the time allowed; `cause` is what creating it said last.
    case segmentUnavailable(baseOffset: Int64, waited: Duration, cause: String)
    /// A write-back failed earlier. Nothing is acknowledged any more: the kernel may have dropped the pages.
    case flushFailed(path: String, code: Int32)

    // Replication
    /// A master writes its log itself.
    case notReplica
    /// Raw bytes must go on where the log ends.
    case notContiguous(offset: Int64, logEnd: Int64)
    /// Raw bytes that are no records, or not whole ones.
    case malformedRecord(offset: Int64, reason: String)
    /// The master's segments end elsewhere.
    case segmentMismatch(offset: Int64, segmentBytes: Int)

    // Anywhere
    /// No disk blocks for a file. Messages are taken again as soon as there are.
    case diskFull(path: String)
    case system(call: String, path: String, code: Int32)
}

extension StoreError {
    /// There is no room, for now.
    var isFullDisk: Bool {
        switch self {
        case .diskFull, .system(_, _, ENOSPC), .system(_, _, EDQUOT): true
        default: false
        }
    }
}

extension StoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidConfiguration(let key, let value, let allowed):
            "\(key)=\(value) is not usable; allowed: \(allowed)"
        case .featureMissing(let feature, let key, let value):
            "\(key)=\(value) needs \(feature), which this version does not have"
        case .directoryInUse(let lockFile, let holder):
            "the store is in use: \(holder ?? "another process") holds the lock on \(lockFile); stop it, or name another folder with storePathRootDir"
        case .wrongFileSize(let path, let bytes, let expected):
            "\(path) has \(bytes) bytes, the configured file size is \(expected); configure the size that the store was written with"
        case .missingFile(let before, let expectedOffset):
            "the file for offset \(expectedOffset) is missing before \(before)"
        case .unreadableFile(let path, let reason):
            "\(path) and its backup cannot be read (\(reason)); repair one of them, or remove both to begin again"
        case .duplicateFile(let path, let other):
            "\(path) and \(other) are the same part of the commit log; move one of them away"
        case .emptyLog(let directories, let queueDirectory):
            "there is no commit log in \(directories.joined(separator: ", ")), but there are queues of it in \(queueDirectory); "
                + "mount its disk or bring its files back, or remove the queues, too, to begin again"
        case .missingDirectory(let path, let key):
            "the directory \(path) named by \(key) does not exist; mount its disk, make it, or take it out of the configuration"
        case .bodyTooLarge(let bytes, let limit):
            "the body has \(bytes) bytes, the limit is \(limit)"
        case .recordTooLarge(let bytes, let limit):
            "the message takes \(bytes) bytes in the log, the limit is \(limit)"
        case .unsafeQueueName(let topic, let queueId):
            "queue \(queueId) of topic \"\(topic)\" cannot be stored under its name"
        case .topicTooLong(let bytes, let limit):
            "the topic has \(bytes) bytes, the limit is \(limit)"
        case .propertiesTooLarge(let bytes, let limit):
            "the properties have \(bytes) bytes, the limit is \(limit)"
        case .tooManyLightQueues(let limit):
            "there are \(limit) light queues, the limit (maxLmqConsumeQueueNum)"
        case .malformedBatch(let position, let reason):
            "the batch body is malformed at byte \(position): \(reason)"
        case .batchNotAllowed(let reason):
            "a batch cannot be stored: \(reason)"
        case .notRunning:
            "the store is not running"
        case .notReplica:
            "raw bytes can be appended to a replica only"
        case .isReplica:
            "the store is a replica: send to its master"
        case .roleChanged:
            "the store became a replica before the message was confirmed: it may or may not be stored"
        case .pageCacheBusy(let milliseconds, let limit):
            "an append has been writing for \(milliseconds) ms, osPageCacheBusyTimeOutMills is \(limit) ms"
        case .notContiguous(let offset, let logEnd):
            "bytes for offset \(offset) cannot be appended, the log ends at \(logEnd)"
        case .malformedRecord(let offset, let reason):
            "no record can be appended at offset \(offset): \(reason)"
        case .segmentMismatch(let offset, let segmentBytes):
            "the bytes for offset \(offset) do not fit segments of \(segmentBytes) bytes; configure the master's mappedFileSizeCommitLog"
        case .notWriteable(let reasons):
            "the store takes no messages now: \(reasons)"
        case .segmentUnavailable(let baseOffset, let waited, let cause):
            "no commit log file for offset \(baseOffset) after \(waited): \(cause)"
        case .flushFailed(let path, let code):
            "writing \(path) to the disk failed earlier (\(String(cString: strerror(code))), errno \(code)); the store accepts nothing until it is opened again"
        case .diskFull(let path):
            "there is no room on the disk for \(path); make some, or delete old messages"
        case .system(let call, let path, let code):
            "\(call) of \(path) failed: \(SystemFailure.reason(code))"
        }
    }
}
