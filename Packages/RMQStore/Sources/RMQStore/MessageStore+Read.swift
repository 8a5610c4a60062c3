import RMQCommon

extension MessageStore {
    /// Decides by a queue entry's tags code whether a message is wanted; nil means that the code is not known.
    public typealias TagMatcher = (_ tagCode: Int64?) -> Bool

    /// Reads messages of a queue from an offset on, as ranges of the mapped log: nothing is copied.
    ///
    /// At least one message is returned when there is one, however long; otherwise at most `maxCount` messages and
    /// `maxBytes` bytes, and no more than the configured transfer limits. `result.nextOffset` is where to go on, whatever
    /// the status. One call looks at no more than 800 entries (or `maxCount` if that is more), so a filter that matches
    /// little returns `noMatchedMessage` with an advanced offset.
    ///
    /// - Parameter result: filled anew; its storage is used again.
    public func read(
        _ queue: ConsumeQueue, offset: Int64, maxCount: Int, maxBytes: Int = .max, matches: TagMatcher? = nil,
        into result: inout ReadResult
    ) {
        result.reset()
        let minOffset = queue.minOffset
        let maxOffset = queue.maxOffset
        result.minOffset = minOffset
        result.maxOffset = maxOffset
        let began = CoarseClock.milliseconds()
        defer { readCounters.count(result, milliseconds: CoarseClock.milliseconds() - began) }
        guard maxOffset > 0 else {
            result.status = .noMessageInQueue
            return
        }
        if offset < minOffset {
            result.status = .offsetTooSmall
            result.nextOffset = minOffset
        } else if offset == maxOffset {
            result.status = .offsetOverflowOne
            result.nextOffset = offset
        } else if offset > maxOffset {
            result.status = .offsetOverflowBadly
            result.nextOffset = maxOffset
        } else {
            do {
                if let (file, position) = try queue.locate(offset) {
                    scan(queue, offset: offset, file: file, position: position, maxCount: maxCount, maxBytes: maxBytes, matches: matches, into: &result)
                } else {
                    result.status = .offsetFoundNull
                    result.nextOffset = offset + queue.entriesPerFile - offset % queue.entriesPerFile
                }
            } catch {
                // Nothing is skipped: the caller comes again with the same offset.
                logger.error("queue \(queue.queueId) of \(queue.topic) cannot be read: \(error)")
                result.status = .noMatchedMessage
                result.nextOffset = offset
            }
        }
    }

    /// The same by name, with a new result; an unknown queue gives `noMatchedLogicQueue`.
    public func read(
        topic: String, queueId: Int32, offset: Int64, maxCount: Int, maxBytes: Int = .max, matches: TagMatcher? = nil
    ) -> ReadResult {
        var result = ReadResult()
        if let queue = queue(topic: topic, queueId: queueId) {
            read(queue, offset: offset, maxCount: maxCount, maxBytes: maxBytes, matches: matches, into: &result)
        } else {
            readCounters.count(result, milliseconds: 0)
        }
        return result
    }

    private func scan(
        _ queue: ConsumeQueue, offset: Int64, file: MappedFile, position: Int, maxCount: Int, maxBytes: Int, matches: TagMatcher?,
        into result: inout ReadResult
    ) {
        let limits = configuration.transferLimits
        let segments = log.snapshot
        let logEnd = log.maxOffset
        // Never past the end of this queue file, nor of the queue.
        let available = Int(min(result.maxOffset - offset, Int64((file.byteCount - position) / QueueEntry.byteCount)))
        let limit = min(max(800, max(0, maxCount)), available)
        var index = 0
        var lastPosition: Int64 = -1
        /// After a miss in the log, entries below this are skipped.
        var resumeAt: Int64 = .min
        var missed = false
        /// The last entry that was mended or tried to.
        var mendedIndex = -1
        /// Records found so far that follow each other in the log.
        var run: LogRun?
        while index < limit {
            let entry = QueueEntry(file.base + position + index * QueueEntry.byteCount)
            lastPosition = entry.position
            if entry.position < resumeAt {
                index += 1
                continue
            }
            // Without a trap: a damaged entry may say anything.
            let isOnDisk = logEnd &- entry.position > memoryBytes
            if result.messageCount > 0 {
                let bytes = result.byteCount &+ Int(entry.size)
                if result.messageCount >= maxCount || bytes > maxBytes { break }
                if bytes > (isOnDisk ? limits.bytesOnDisk : limits.bytesInMemory) { break }
                if result.messageCount >= (isOnDisk ? limits.countOnDisk : limits.countInMemory) { break }
            }
            index += 1
            if let matches, !matches(queue.tagCode(of: entry)) { continue }
            if run?.extend(by: entry) != true {
                run?.add(to: &result)
                run = LogRun(entry, in: segments, end: logEnd)
                guard run != nil else {
                    if mendedIndex < index, mendEntry(at: offset + Int64(index - 1), of: queue, is: entry) != nil {
                        mendedIndex = index
                        index -= 1
                        continue
                    }
                    missed = missed || result.messageCount == 0
                    // Retention took whole segments. An entry that points anywhere else is damaged, and says nothing of others.
                    let segmentBytes = Int64(log.segmentBytes)
                    if !entry.isFiller, entry.position >= 0, entry.position < segments.first?.baseOffset ?? .max {
                        resumeAt = entry.position - entry.position % segmentBytes + segmentBytes
                    }
                    continue
                }
            }
            if entry.position < inheritedEnd || isOnDisk, let found = run,
                let damage = damage(entry, in: found, queue, offset: offset + Int64(index - 1))
            {
                run?.dropLast(entry)
                if mendedIndex < index, mendEntry(at: offset + Int64(index - 1), of: queue, is: entry) != nil {
                    mendedIndex = index
                    index -= 1
                    continue
                }
                noteDamage(entry, queue, offset + Int64(index - 1), damage)
                missed = missed || result.messageCount == 0
                continue
            }
            result.messageCount += 1
            result.byteCount += Int(entry.size)
        }
        run?.add(to: &result)
        result.nextOffset = offset + Int64(index)
        result.status = result.messageCount > 0 ? .found : missed ? .messageWasRemoving : .noMatchedMessage
        result.bytesBehind = lastPosition >= 0 ? logEnd - lastPosition : 0
        result.suggestsReplica = result.bytesBehind > memoryBytes
        if result.suggestsReplica { readAhead(of: result) }
    }

    /// Asks for what a reader of old messages will want next, each time it enters another half MiB of the log. The sending
    /// thread, which serves producers too, then does not wait for the disk at every page.
    private func readAhead(of result: ReadResult) {
        guard let first = result.chunks.first, let last = result.chunks.last, let end = last.bytes.baseAddress.map({ $0 + last.bytes.count })
        else { return }
        let position = UnsafeRawPointer(last.owner.base).distance(to: end)
        let start = first.owner === last.owner ? position - result.byteCount : 0
        guard start <= 0 || start / Self.readAheadBytes != position / Self.readAheadBytes else { return }
        last.owner.readAhead(from: position, count: Self.readAheadBytes * 2)
    }

    private static let readAheadBytes = 1 << 19

    /// The record that begins at a physical offset; nil when none does, or a damaged one.
    public func record(at physicalOffset: Int64) -> MappedRange? {
        let segments = log.snapshot
        let end = log.maxOffset
        guard let head = CommitLog.range(at: physicalOffset, count: RecordLayout.fixedByteCount + 16, in: segments, end: end),
            case .record(let record) = RecordCheck.check(head.file, at: head.position, verifiesBody: physicalOffset < inheritedEnd),
            record.end <= end  // a replica may have the rest of it still to come
        else { return nil }
        return MappedRange(owner: head.file, start: head.position, count: record.byteCount)
    }
}
