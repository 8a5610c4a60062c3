import Glibc
import RMQCommon
import Synchronization

/// Queues that are forgotten with their files: topics' on request, and those of which the log holds no message any more.
///
///     flusher's progress   no other checkpoint meanwhile: it would not count the queue, and lie before its last records
///       append lock        the queue is empty or out of the table, and its folder has another name: it may begin again with 0
///       sync               the names are on the disk, before anything that was appended later counts as durable
///       checkpoint         does not count the queue any more: a kill cannot bring it back
///     no lock              the files are removed
///
/// The append lock is taken again for each topic or queue; sync and checkpoint are there once for all.
extension MessageStore {
    /// Forgets a topic: its queues and their files go, its records stay in the log until that is cleaned.
    ///
    /// Whoever holds a handle may go on using it for appends: the topic then begins again with offset 0. When this returns, the
    /// deletion is on the disk. It waits for the disk as a flush does; appends go on meanwhile.
    public func deleteTopic(_ topic: String) throws(StoreError) { try deleteTopics([topic]) }

    /// Forgets several topics, and waits for the disk once.
    /// - Parameter isUnwanted: asked for each under the append lock, so that no message can come between the answer and the deletion;
    ///   it must not wait, nor call the store.
    /// - Throws: the first failure. All other topics are deleted then, too, unless the store had to stop accepting messages.
    public func deleteTopics(_ topics: [String], where isUnwanted: (String) -> Bool = { _ in true }) throws(StoreError) {
        var failure: StoreError?
        var deleted: [(topic: String, folders: [DeletedFolder])] = []
        try flusher.progress.withLock { (progress) throws(StoreError) in
            var wereThere = false
            for topic in topics {
                let folders = appendLock.withLock { state -> [DeletedFolder]? in
                    guard isUnwanted(topic) else { return nil }
                    let removed = queues.remove(topic: topic)
                    if !removed.isEmpty { wereThere = true }
                    for queue in removed { queue.retire(state) }
                    if !publishesAtAppend { state.deletedBelow[topic] = log.maxOffset }
                    var folders: [DeletedFolder] = []
                    for queue in removed where StoreFiles.isSafeName(queue.topicBytes) {
                        for path in [queue.directory, extensionFolder(of: queue)] { setAside(path, &folders, &failure) }
                    }
                    if !folders.isEmpty { noteChange(ofFoldersOf: topic, state) }
                    return folders
                }
                if let folders { deleted.append((topic, folders)) }
            }
            if wereThere { try noteDeletion(&progress) }
        }
        for (topic, folders) in deleted { remove(folders, topic) }
        if let failure { throw failure }
    }

    /// Forgets the queues of which the log holds no message any more. Their next message gets offset 0, as at the reference.
    /// - Throws: the first failure. The other queues are forgotten then, too.
    public func removeExpiredQueues() throws(StoreError) {
        let minimum = log.minOffset
        var failure: StoreError?
        var removed: [(queue: ConsumeQueue, folders: [DeletedFolder])] = []
        try flusher.progress.withLock { (progress) throws(StoreError) in
            for queue in queues.all where !queue.topic.isExactly(SystemTopic.schedule) && queue.hasFiles {
                let folders = appendLock.withLock { state -> [DeletedFolder]? in
                    guard !queue.isRetired(state), queue.maxPhysicalOffset >= 0, queue.maxPhysicalOffset <= minimum, queue.nextOffset(state) == queue.maxOffset else {
                        return nil
                    }
                    return setAside(queue, state, &failure)
                }
                if let folders { removed.append((queue, folders)) }
            }
            if !removed.isEmpty { try noteDeletion(&progress) }
        }
        for (queue, folders) in removed {
            remove(folders, queue.topic)
            logger.info("queue \(queue.queueId) of \(queue.topic) has expired as a whole and is removed")
        }
        if let failure { throw failure }
    }

    /// Takes a queue's files out of its way and lets it begin again.
    /// - Returns: nil when they cannot be: it stays as it is.
    private func setAside(_ queue: ConsumeQueue, _ state: borrowing AppendState, _ failure: inout StoreError?) -> [DeletedFolder]? {
        var folders: [DeletedFolder] = []
        do throws(StoreError) {
            try queue.beginAgain(state) { () throws(StoreError) in try DeletedFolder(queue.directory, disk).map { folders.append($0) } }
        } catch {
            failure = failure ?? error
            return nil
        }
        setAside(extensionFolder(of: queue), &folders, &failure)
        if !folders.isEmpty { noteChange(ofFoldersOf: queue.topic, state) }
        return folders
    }

    private func setAside(_ path: String, _ folders: inout [DeletedFolder], _ failure: inout StoreError?) {
        do throws(StoreError) { try DeletedFolder(path, disk).map { folders.append($0) } } catch { failure = failure ?? error }
    }

    private func extensionFolder(of queue: ConsumeQueue) -> String { "\(configuration.extensionDirectory)/\(queue.topic)/\(queue.queueId)" }

    /// After the folders have their new names: a sync may take this note at once.
    private func noteChange(ofFoldersOf topic: String, _ held: borrowing AppendState) {
        commit.changedFolders.withLock { changed in
            changed.add("\(configuration.consumeQueueDirectory)/\(topic)")
            changed.add(configuration.consumeQueueDirectory)
        }
    }

    /// Removes what queues of a topic had. What cannot be removed now keeps its name, which no queue has, until the next opening.
    private func remove(_ folders: [DeletedFolder], _ topic: String) {
        if folders.isEmpty { return }
        var removed: [DeletedFolder] = []
        for folder in folders {
            do throws(StoreError) {
                try folder.removeFiles()
                removed.append(folder)
            } catch {
                logger.warning("files of a deleted queue are left in \(folder.path): \(error)")
            }
        }
        // Under the lock: the topic's next queue is made in its folder.
        appendLock.withLock { _ in
            for folder in removed { folder.putBack() }
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
    private let disk: DiskCalls

    /// One that could not be emptied.
    struct LeftOver {
        let path: String
        let error: StoreError
    }

    /// Takes a queue's folder out of the way; nil without one.
    init?(_ path: String, _ disk: DiskCalls) throws(StoreError) {
        guard StoreFiles.isDirectory(path) else { return nil }
        name = path
        self.disk = disk
        self.path = try StoreFiles.setAside(path, as: Self.mark, disk)
    }

    /// One that an earlier run did not come to remove; nil when the name says something else.
    init?(leftOver name: String, in directory: String, _ disk: DiskCalls) {
        guard let queueId = Self.queueId(ofLeftOver: name) else { return nil }
        path = directory + "/" + name
        self.name = "\(directory)/\(queueId)"
        self.disk = disk
    }

    /// The queue whose folder had this name given to it; nil for any other name.
    static func queueId(ofLeftOver name: String) -> Int32? {
        let parts = name.split(ascii: ".", keepingEmpty: true)
        guard parts.count == 2, let queueId = Int32(parts[0]), String(queueId).isExactly(parts[0]) else { return nil }
        guard let number = parts[1].droppingBytePrefix(mark), Int32(number) != nil else { return nil }
        return queueId
    }

    /// Removes what earlier runs did not come to remove below `root`, which has a folder a topic. What cannot be read has nothing.
    /// - Returns: what is still there.
    static func removeLeftOvers(below root: String, _ disk: DiskCalls) -> [LeftOver] {
        var leftOvers: [LeftOver] = []
        for topic in (try? StoreFiles.entries(in: root)) ?? [] where topic.kind == .directory {
            let directory = root + "/" + topic.name
            for queue in (try? StoreFiles.entries(in: directory)) ?? [] where queue.kind == .directory {
                guard let folder = DeletedFolder(leftOver: queue.name, in: directory, disk), let leftOver = folder.finish() else { continue }
                leftOvers.append(leftOver)
            }
        }
        return leftOvers
    }

    /// For an opening, which it must not stop.
    /// - Returns: itself and why, when it is still there.
    func finish() -> LeftOver? {
        do throws(StoreError) { try removeFiles() } catch { return LeftOver(path: path, error: error) }
        putBack()
        return nil
    }

    /// Undoes what made it a deleted one.
    /// - Returns: false when the name is taken by now.
    func takeBack() -> Bool { StoreFiles.kind(name) == nil && disk.rename(path, name) == 0 }

    /// Undoes ``takeBack()``.
    func letGoAgain() { _ = disk.rename(name, path) }

    /// Takes the folder of one queue back that stands in `directory` as a deleted one, if it does.
    static func takeBack(_ queueId: Int32, in directory: String, _ disk: DiskCalls) {
        for entry in (try? StoreFiles.entries(in: directory)) ?? [] where entry.kind == .directory && self.queueId(ofLeftOver: entry.name) == queueId {
            if DeletedFolder(leftOver: entry.name, in: directory, disk)?.takeBack() == true { return }
        }
    }

    func removeFiles() throws(StoreError) { try StoreFiles.removeDirectory(path, disk) }

    /// Once its files are removed. Folders in it are a person's: if there are any, it gets its name back, unless another one has that now.
    func putBack() {
        if StoreFiles.isDirectory(path), StoreFiles.kind(name) == nil { rename(path, name) }
    }
}
