import Glibc
import RMQCommon
import Synchronization

extension MessageStore {
    /// Asks for expired commit log files to be deleted now, whatever the hour. Returns at once; good for the next 20 looks.
    public func requestDeletion() {
        retention.request(byHand: true)
    }

    /// - Parameter start: when the store was started; the thread may begin later.
    func runRetention(since start: MonotonicInstant) {
        var progress = Retention.Progress(minuteStart: start)
        while let isByHand = retention.nextPass(after: settings.current.retention.interval) {
            let now = clocks.monotonic.now()
            let verdict = checkSpace()
            if verdict.wantsDeletion || isByHand || settings.current.retention.isDeletionTime(clocks.wall.now()) {
                deleteSegments(atOnce: verdict.deletesAtOnce, now: now, &progress)
            }
            followLog(&progress)
            releaseDeleted(now: now, &progress)
            sweepQueueMappings()
            rotateDistribution(now: now, &progress)
        }
    }

    // MARK: Space

    /// Looks at the disks and sets what follows: the refusal of messages, and which roots are skipped.
    @discardableResult
    func checkSpace() -> SpaceVerdict {
        let policy = settings.current.retention
        let verdict = SpaceVerdict(
            log: roots.writable.map { ($0, diskUsage.usedFraction($0)) }, queues: diskUsage.usedFraction(configuration.consumeQueueDirectory),
            policy: policy)
        roots.skip(verdict.fullRoots)
        if verdict.isFull, flags.set(.diskFull) {
            logger.error("the disk is \(Int(verdict.usedPercent)) % full, more than \(policy.refusePercent) %: messages are refused")
        } else if !verdict.isFull, flags.clear(.diskFull) {
            logger.info("the disk is \(Int(verdict.usedPercent)) % full: messages are accepted again")
        }
        return verdict
    }

    // MARK: The log

    /// Deletes commit log files from the oldest on, until one has not expired. Never the newest.
    ///
    /// A file is unlinked first and then taken off the list: whatever a reader holds of it stays readable. One that cannot
    /// be unlinked stays where it is, readable, until the next attempt.
    private func deleteSegments(atOnce: Bool, now: MonotonicInstant, _ progress: inout Retention.Progress) {
        guard now >= progress.retryAt else { return }
        let policy = settings.current.retention
        // A clock that was set ahead while we run makes no file older; one that was set back lets it stay.
        let writtenUntil = min(clocks.wall.now(), steadyClock.now()) - policy.reservedTime.milliseconds
        // What is not in the queues yet must still get there.
        let dispatched = dispatchedOffset
        for segment in log.snapshot.dropLast().prefix(RetentionPolicy.segmentsPerRunLimit) {
            guard segment.baseOffset + Int64(segment.byteCount) <= dispatched else { return }
            do {
                guard try atOnce || MappedFile.modificationTime(segment.path) <= writtenUntil else { return }
                try ensureFlushed(to: segment.baseOffset + Int64(segment.byteCount))
                try StoreFiles.remove(segment.path)
                // Durable one by one and in order: after a power failure no file may be missing between two others.
                try disk.synchronizeNames(in: StoreFiles.parent(segment.path))
            } catch {
                logger.error("commit log file \(segment.path) cannot be deleted, trying again in \(policy.retryInterval): \(error)")
                progress.retryAt = now + policy.retryInterval
                return
            }
            log.removeFirst(segment)
            progress.deleted.append((segment, now))
            logger.info("deleted commit log file \(segment.path)\(atOnce ? ", the disk being nearly full" : ""); the log begins at \(log.minOffset)")
            guard retention.pause(policy.pauseBetweenSegments) else { return }
        }
    }

    /// The queue entries of a segment must be on the disk before it goes: the offsets of a queue whose messages are all
    /// deleted are written nowhere else. Nearly always they are for hours.
    private func ensureFlushed(to end: Int64) throws(StoreError) {
        let flushed = flusher.progress.withLock { $0.checkpoint.own?.safeOffset ?? 0 }
        if flushed < end { try flushEverything(leavingClean: false) }
    }

    /// Lets go of deleted files that no reader holds any more.
    private func releaseDeleted(now: MonotonicInstant, _ progress: inout Retention.Progress) {
        for index in progress.deleted.indices.reversed() {
            let isFree = isKnownUniquelyReferenced(&progress.deleted[index].file)
            if !isFree {
                guard now - progress.deleted[index].at >= settings.current.retention.holdLimit else { continue }
                logger.warning("deleted commit log file \(progress.deleted[index].file.path) is still being read; its space comes back when that ends")
            }
            progress.deleted.remove(at: index)
        }
    }

    // MARK: What follows the log

    /// Removes what consume queues say about messages that the log does not hold any more.
    private func followLog(_ progress: inout Retention.Progress) {
        let minimum = log.minOffset
        guard minimum > progress.followedMinimum else { return }
        for queue in queues.all {
            do {
                guard try queue.follow(logMinimum: minimum) else { continue }
            } catch {
                logger.error("cannot cut queue \(queue.queueId) of \(queue.topic) to the beginning of the log: \(error)")
                return
            }
            guard retention.pause(settings.current.retention.pauseBetweenQueues) else { return }
        }
        do {
            try removeExpiredIndexFiles()
        } catch {
            logger.error("an index file whose messages are gone cannot be deleted: \(error)")
            return
        }
        progress.followedMinimum = minimum
    }
}
