import RMQCommon

/// A deleted queue of which a kill left files.
struct UnfinishedDeletion {
    let key: QueueKey
    let folder: DeletedFolder
}

extension QueueTable {
    /// Brings deletions to an end that a kill interrupted, once all queues are loaded.
    ///
    ///     the checkpoint counts the queue      the kill came before the deletion's own: the queue is there again, as before the deletion
    ///     the checkpoint does not count it     its files are removed
    ///
    /// A counted queue that is missing would have all queues written again from the log, and bring back those of earlier deletions.
    /// - Returns: what could not be removed.
    func settleDeletions(_ checkpoint: Checkpoint, _ trust: QueueTrust, _ logger: Logger) throws(StoreError) -> [DeletedFolder.LeftOver] {
        var deletions = unfinishedDeletions
        if let own = checkpoint.own, !deletions.isEmpty, !areThose(of: own) {
            // One call at a time deletes, one topic or several. Of calls before it files may be left, too.
            let byTopic = Dictionary(grouping: deletions) { ByteText($0.key.topic) }.values
            for candidates in byTopic + [deletions] {
                let undone = try undo(candidates, own, trust)
                for deletion in undone {
                    logger.warning("the deletion of queue \(deletion.key.queueId) of \(deletion.key.topic) was interrupted: the queue is there again")
                }
                deletions.removeAll { deletion in undone.contains { $0.folder.path.isExactly(deletion.folder.path) } }
                if !undone.isEmpty { break }
            }
        }
        return deletions.compactMap { $0.folder.finish() } + DeletedFolder.removeLeftOvers(below: place.extensionDirectory, place.disk)
    }

    /// Whether the queues are those that the checkpoint counted.
    private func areThose(of own: Checkpoint.Own) -> Bool { print(below: own.safeOffset).hasSameQueues(as: own.queues) }

    /// Takes back those of the deleted queues that the checkpoint may have counted.
    /// - Returns: which. None, and all is as before, when the queues are not those of the checkpoint with them either.
    private func undo(_ deletions: [UnfinishedDeletion], _ own: Checkpoint.Own, _ trust: QueueTrust) throws(StoreError) -> [UnfinishedDeletion] {
        var undone: [UnfinishedDeletion] = []
        for deletion in deletions where deletion.folder.takeBack() {
            let isWhole = try load(deletion.key, trust)
            let first = find(deletion.key)?.firstPhysicalOffset ?? -1
            if isWhole, first >= 0, first < own.safeOffset {
                undone.append(deletion)
            } else {
                letGoAgain(deletion)
            }
        }
        guard areThose(of: own) else {
            for deletion in undone { letGoAgain(deletion) }
            return []
        }
        for deletion in undone {
            DeletedFolder.takeBack(deletion.key.queueId, in: "\(place.extensionDirectory)/\(deletion.key.topic)", place.disk)
        }
        countLightQueues()
        return undone
    }

    private func letGoAgain(_ deletion: UnfinishedDeletion) {
        unload(deletion.key)
        deletion.folder.letGoAgain()
    }
}
