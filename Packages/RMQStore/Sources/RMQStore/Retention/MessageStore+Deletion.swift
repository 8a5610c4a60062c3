import Glibc
import RMQCommon
import Synchronization

/// Queues that are forgotten with their files: a topic's on request, and those of which the log holds no message any more.
///
///     flusher's progress   no other checkpoint meanwhile: it would not count the queue, and lie before its last records
///       append lock        the queue is empty or out of the table, and its folder has another name: it may begin again with 0
///       sync               the names are on the disk, before anything that was appended later counts as durable
///       checkpoint         does not count the queue any more: a kill cannot bring it back
///     no lock              the files are removed
extension MessageStore {
    /// Forgets a topic: its queues and their files go, its records stay in the log until that is cleaned.
    ///
    /// Whoever holds a handle may go on using it for appends: the topic then begins again with offset 0. When this returns, the
    /// deletion is on the disk. It waits for the disk as a flush does; appends go on meanwhile.
    public func deleteTopic(_ topic: String) throws(StoreError) {
        var failure: StoreError?
        let folders = try flusher.progress.withLock { (progress) throws(StoreError) in
            let (wereThere, folders) = appendLock.withLock { state in
                let removed = queues.remove(topic: topic)
                for queue in removed { queue.retire(state) }
                if !publishesAtAppend { state.deletedBelow[topic] = log.maxOffset }
                var folders: [DeletedFolder] = []
                for queue in removed where StoreFiles.isSafeName(queue.topicBytes) {
                    for path in [queue.directory, "\(configuration.extensionDirectory)/\(topic)/\(queue.queueId)"] {
                        do throws(StoreError) { try DeletedFolder(path).map { folders.append($0) } } catch { failure = error }
                    }
                }
                if !folders.isEmpty { noteChange(ofFoldersOf: topic, state) }
                return (!removed.isEmpty, folders)
            }
            if wereThere { try noteDeletion(&progress) }
            return folders
        }
        remove(folders, topic)
        if let failure { throw failure }
    }

    /// Forgets the queues of which the log holds no message any more. Their next message gets offset 0, as at the reference.
    public func removeExpiredQueues() throws(StoreError) {
        let minimum = log.minOffset
        var removed: [(queue: ConsumeQueue, folder: DeletedFolder)] = []
        try flusher.progress.withLock { (progress) throws(StoreError) in
            for queue in queues.all where !queue.topic.isExactly(SystemTopic.schedule) && queue.hasFiles {
                let folder = try appendLock.withLock { (state) throws(StoreError) -> DeletedFolder? in
                    guard !queue.isRetired(state), queue.maxPhysicalOffset >= 0, queue.maxPhysicalOffset <= minimum, queue.nextOffset(state) == queue.maxOffset else {
                        return nil
                    }
                    try queue.reset(state)
                    queue.resumeAssigning(state)
                    noteChange(ofFoldersOf: queue.topic, state)
                    return try DeletedFolder(queue.directory)
                }
                if let folder { removed.append((queue, folder)) }
            }
            if !removed.isEmpty { try noteDeletion(&progress) }
        }
        for (queue, folder) in removed {
            remove([folder], queue.topic)
            logger.info("queue \(queue.queueId) of \(queue.topic) has expired as a whole and is removed")
        }
    }

    private func noteChange(ofFoldersOf topic: String, _ held: borrowing AppendState) {
        commit.changedFolders.withLock { changed in
            changed.add("\(configuration.consumeQueueDirectory)/\(topic)")
            changed.add(configuration.consumeQueueDirectory)
        }
    }

    /// Removes what queues of a topic had. What cannot be removed now is so by the next opening.
    private func remove(_ folders: [DeletedFolder], _ topic: String) {
        if folders.isEmpty { return }
        for folder in folders {
            do throws(StoreError) { try folder.removeFiles() } catch { logger.warning("files of a deleted queue are left in \(folder.path): \(error)") }
        }
        // Under the lock: the topic's next queue is made in its folder.
        appendLock.withLock { _ in
            for folder in folders { folder.putBack() }
            // Fails while there is something in them, which is fine.
            for root in [configuration.consumeQueueDirectory, configuration.extensionDirectory] { rmdir("\(root)/\(topic)") }
        }
    }

    /// Moves the checkpoint behind the last records of queues that were deleted. Only so the next opening knows that they are not
    /// missing, and does not write them again from the log.
    private func noteDeletion(_ progress: inout Flusher.Progress) throws(StoreError) {
        guard !flags.current.contains(.notRunning) else { return appendLock.withLock { announceFlush(&$0) } }
        do throws(StoreError) {
            try flushEverything(&progress)
        } catch {
            refuseAppends(after: error)
            throw error
        }
    }
}

/// The folder of a deleted queue. It is renamed at once, so that a queue of the same name can begin, and emptied later: a queue may
/// have hundreds of files.
///
///     consumequeue/Topic/3 ──► consumequeue/Topic/3.deleted1 ──► gone
struct DeletedFolder {
    private static let mark = "deleted"

    let path: String
    private let name: String

    /// Takes a queue's folder out of the way; nil when there is none.
    init?(_ path: String) throws(StoreError) {
        guard StoreFiles.isDirectory(path) else { return nil }
        name = path
        self.path = try StoreFiles.setAside(path, as: Self.mark)
    }

    /// One that an earlier run did not come to remove; nil when the name says something else.
    init?(leftOver name: String, in directory: String) {
        let parts = name.split(ascii: ".", keepingEmpty: true)
        guard parts.count == 2, Int32(parts[0]) != nil, let number = parts[1].droppingBytePrefix(Self.mark), Int32(number) != nil else { return nil }
        path = directory + "/" + name
        self.name = directory + "/" + parts[0]
    }

    /// Removes what earlier runs did not come to remove below `root`, which has a folder a topic.
    static func removeLeftOvers(below root: String) throws(StoreError) {
        for topic in try StoreFiles.entries(in: root) where topic.kind == .directory {
            let directory = root + "/" + topic.name
            for queue in try StoreFiles.entries(in: directory) where queue.kind == .directory {
                if let folder = DeletedFolder(leftOver: queue.name, in: directory) { try folder.finish() }
            }
        }
    }

    /// For an opening.
    func finish() throws(StoreError) {
        try removeFiles()
        putBack()
    }

    func removeFiles() throws(StoreError) { try StoreFiles.removeDirectory(path) }

    /// Folders in it are a person's: if there are any, it gets its name back, unless another one has that now.
    func putBack() {
        if StoreFiles.isDirectory(path), StoreFiles.kind(name) == nil { rename(path, name) }
    }
}
