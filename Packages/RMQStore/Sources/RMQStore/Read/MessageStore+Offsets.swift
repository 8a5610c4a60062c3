public import RMQCommon

extension MessageStore {
    /// The offset in the log of its first record.
    public var minPhysicalOffset: Int64 { log.minOffset }
    /// Where the next record will begin, unless it does not fit there.
    public var maxPhysicalOffset: Int64 { log.maxOffset }

    /// The smallest offset that can be read; 0 for an unknown queue.
    public func minOffset(topic: String, queueId: Int32) -> Int64 {
        queue(topic: topic, queueId: queueId)?.minOffset ?? 0
    }

    /// The offset that the queue's next message will get; 0 for an unknown queue.
    public func maxOffset(topic: String, queueId: Int32) -> Int64 {
        queue(topic: topic, queueId: queueId)?.maxOffset ?? 0
    }

    /// Where the record of a queue offset lies in the log; nil without one.
    public func physicalOffset(_ queue: ConsumeQueue, offset: Int64) -> Int64? {
        guard let entry = try? queue.entry(at: offset), !entry.isFiller else { return nil }
        return entry.position
    }

    /// Whether a queue leads to the record that begins at a physical offset. A body may hold what looks like a record; nothing leads to it.
    public func isInQueue(topic: UnsafeRawBufferPointer, _ fields: RecordFields, at physicalOffset: Int64) -> Bool {
        guard let queue = queue(topic: String(decoding: topic, as: UTF8.self), queueId: fields.queueId) else { return false }
        return self.physicalOffset(queue, offset: fields.queueOffset) == physicalOffset
    }

    /// The queues whose newest message lies in the log behind a physical offset, which is where a record begins.
    public func queuesGoingOn(behind physicalOffset: Int64) -> [ConsumeQueue] { queues.all.filter { $0.maxPhysicalOffset > physicalOffset } }

    /// Whether a message lies so far before the log's end that it is no longer expected in memory; false when it is not there.
    public func isFarBehind(_ queue: ConsumeQueue, offset: Int64) -> Bool {
        guard let position = physicalOffset(queue, offset: offset) else { return false }
        return log.maxOffset - position > settings.memoryBytes
    }

    /// The store time (ms) of a message; nil when it is not there.
    public func storeTimestamp(_ queue: ConsumeQueue, offset: Int64) -> Int64? {
        guard let entry = try? queue.entry(at: offset), !entry.isFiller else { return nil }
        return storeTimestamp(at: entry.position)
    }

    /// The store time (ms) of the oldest message of a queue; nil without one.
    public func earliestStoreTimestamp(topic: String, queueId: Int32) -> Int64? {
        guard let queue = queue(topic: topic, queueId: queueId) else { return nil }
        return storeTimestamp(queue, offset: queue.minOffset)
    }

    /// The store time (ms) of the oldest record of the log; nil when it is empty.
    public var earliestStoreTimestamp: Int64? { storeTimestamp(at: log.minOffset) }

    /// The offset of the message stored closest to a time (ms since 1970); 0 for an unknown or empty queue.
    ///
    /// After the newest message: that one's offset. Before the oldest: the oldest's. Between two: the nearer one, on a tie
    /// the older one. Among several of exactly that time: any of them. Unlike the reference this does not look at the
    /// modification times of the files, which a copy changes.
    public func offset(topic: String, queueId: Int32, at timestamp: Int64) -> Int64 {
        guard let queue = queue(topic: topic, queueId: queueId) else { return 0 }
        let logMinimum = log.minOffset
        var low = queue.minOffset
        var high = queue.maxOffset - 1
        guard low <= high else { return 0 }
        var older: (offset: Int64, timestamp: Int64?)?
        var newer: (offset: Int64, timestamp: Int64)?
        while low <= high {
            let middle = low + (high - low) / 2
            guard let entry = try? queue.entry(at: middle) else { return 0 }
            if entry.isFiller || entry.position < logMinimum {
                older = (middle, nil)
                low = middle + 1
                continue
            }
            guard let time = storeTimestamp(at: entry.position) else { return 0 }
            if time == timestamp { return middle }
            if time > timestamp {
                newer = (middle, time)
                high = middle - 1
            } else {
                older = (middle, time)
                low = middle + 1
            }
        }
        switch (older, newer) {
        case (nil, nil): return 0
        case (let older?, nil): return older.offset
        case (nil, let newer?): return newer.offset
        case (let older?, let newer?):
            guard let olderTime = older.timestamp else { return newer.offset }
            return newer.timestamp &- timestamp < timestamp &- olderTime ? newer.offset : older.offset
        }
    }

    func storeTimestamp(at physicalOffset: Int64) -> Int64? {
        guard let head = log.range(at: physicalOffset, count: MessageRecord.minimumByteCount),
            head.file.loadInt32(head.position + MessageRecord.magicOffset) == MessageRecord.magic
        else { return nil }
        let systemFlag = SystemFlag(rawValue: head.file.loadInt32(head.position + MessageRecord.systemFlagOffset))
        return head.file.loadInt64(head.position + MessageRecord.storeTimestampOffset(systemFlag))
    }
}
