import RMQCommon
import Synchronization

/// Delayed messages of one level that were appended to the queue where they were meant to go.
public struct DelayedDelivery: Sendable {
    /// From 1 on.
    public let level: Int
    /// Of the queue.
    public let topic: String
    /// Its number in the topic.
    public let queueId: Int32
    /// How many they are.
    public internal(set) var messageCount = 0
    /// The size of their records.
    public internal(set) var byteCount = 0
    /// Whether they can be read. Where messages become readable later than their append, the arrival listener tells of these, too.
    public internal(set) var isReadable = true
}

extension MessageStore {
    /// Tells of delayed messages that arrived. Called by the schedule's thread, once per level, queue and round.
    public typealias DeliveryListener = @Sendable (DelayedDelivery) -> Void

    /// In place of the one before; nil for none. May be called while the store runs.
    public func setDeliveryListener(_ listener: DeliveryListener?) {
        schedule.delivery.withLock { $0.listener = listener }
    }

    /// Encodes a message that is to arrive in `queue` after the time of a delay level; append it like any other.
    ///
    /// It waits in the schedule topic, whose queue and offset the append reports. Not for prepared messages.
    /// - Parameters:
    ///   - level: from 1 on; beyond the last level counts as the last.
    ///   - properties: as received. `DELAY`, `REAL_TOPIC` and `REAL_QID` in them are replaced.
    public func encodeDelayed(
        level: Int, for queue: QueueHandle, attributes: borrowing RecordAttributes, body: UnsafeRawBufferPointer,
        properties: UnsafeRawBufferPointer, addedProperties: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        with encoder: RecordEncoder
    ) throws(StoreError) -> RecordDraft {
        let level = min(max(level, 1), configuration.delayLevelMilliseconds.count)
        let waiting = scheduleQueue(ofLevel: level)
        let rewritten = DelayedMessage.properties(properties, addedProperties, level: level, topic: queue.topicBytes, queueId: queue.queueId)
        let attributes = copy attributes
        var draft = try rewritten.withBytes { (properties) throws(StoreError) in
            try encoder.encode(queue: waiting, attributes: attributes, body: body, properties: properties, tagCode: 0)
        }
        draft.delayMilliseconds = configuration.delayLevelMilliseconds[level - 1]
        return draft
    }

    /// Begins to deliver delayed messages that are due. Harmless when it runs already.
    ///
    /// A master does this when it starts, a replica when it becomes one: all that can fail comes before it is one.
    /// - Parameter start: called when nothing can fail any more; the thread delivers after that.
    func startDelayedDelivery(behind start: () -> Void = {}) throws(StoreError) {
        try schedule.thread.withLock { (thread) throws(StoreError) in
            guard thread == nil else { return start() }
            try loadDelayOffsets()
            // Before messages are taken: what is announced then must stay.
            schedule.signals.withLock { $0 = DelaySchedule.Signals(drifts: $0.drifts) }
            let mayDeliver = WakeUp()
            thread = try disk.startThread("store-schedule") {
                _ = mayDeliver.sleep(timeout: nil)
                self.runDelayedDelivery()
            }
            start()
            mayDeliver.wake()
        }
    }

    /// Somebody else delivers from now on, so what this store knows is written down and forgotten. Should that fail, the file says
    /// less, and more is counted when it is needed.
    func leaveDelayedDelivery() {
        if schedule.hasProgress {
            do throws(StoreError) {
                try saveDelayOffsets()
            } catch {
                logger.warning("how far delayed messages are delivered is not up to date in \(schedule.path): \(error)")
            }
        }
        schedule.progress.withLock { $0 = DelaySchedule.Progress() }
    }

    /// The log will be cut at `offset`, deliveries that the file counts with it: from then on it counts none, and all that the log
    /// holds are counted when it is read. In this order, since a crash may come between.
    func forgetDeliveries(behind offset: Int64) throws(StoreError) {
        guard StoreFiles.exists(schedule.path), let counted = try DelayOffsets.read(schedule.path, logger).logOffset, counted > offset else { return }
        var none = DelayOffsets()
        none.logOffset = log.minOffset
        try none.write(schedule.path)
    }

    /// Ends the delivery of delayed messages; returns after the last one. Harmless when it does not run.
    func stopDelayedDelivery() {
        schedule.thread.withLock { thread in
            guard let running = thread else { return }
            schedule.signals.change { $0.isStopping = true }
            running.join()
            thread = nil
        }
    }

    /// How far each delay level is delivered.
    public var delayOffsets: DelayOffsets {
        var offsets = DelayOffsets()
        offsets.offsets = schedule.progress.withLock { $0.offsets }
        return offsets
    }

    /// The same for a replica, with the place in the log that parts what the offsets count from what they do not.
    public var delayOffsetsForReplica: DelayOffsets {
        // In this order: a delivery that comes between arrives twice after a change of masters. The other way round it would be lost.
        var offsets = delayOffsets
        if !offsets.offsets.isEmpty { offsets.logOffset = log.maxOffset }
        return offsets
    }

    /// On a replica: keeps what the master says of its delayed deliveries, for the time when this store is the master.
    ///
    /// - Parameter text: what ``delayOffsetsForReplica`` of the master was as JSON, or the reference's, which does not say how far in the log
    ///   that is. That is kept as it is: deliveries that were counted and not received then arrive never, and those received and not counted twice.
    /// - Returns: false when this log, or what of it is on the disk, is not as far as the offsets count. Then nothing is kept.
    /// - Throws: `unreadableFile` for a text that is none, `notReplica`.
    @discardableResult
    public func keepDelayOffsets(_ text: [UInt8]) throws(StoreError) -> Bool {
        guard role == .replica else { throw .notReplica }
        let offsets: DelayOffsets
        do {
            var report = EntryReport()
            offsets = try DelayOffsets(JSONValue(parsing: text).requireObject("delay offsets"), &report)
        } catch {
            throw .unreadableFile(path: schedule.path, reason: "\(error)")
        }
        if let end = offsets.logOffset, end > commit.flushedOffset || end > dispatchedOffset { return false }
        guard !offsets.offsets.isEmpty else { return true }
        try offsets.write(schedule.path)
        return true
    }

    func scheduleQueue(ofLevel level: Int) -> ConsumeQueue {
        queues.findOrAdd(QueueKey(topic: SystemTopic.schedule, queueId: Int32(level - 1)))
    }

    /// Reads the file, brings what it says within the bounds of the queues, and counts what was delivered since it was written.
    func loadDelayOffsets() throws(StoreError) {
        let saved = try DelayOffsets.read(schedule.path, logger)
        var offsets = withinBounds(saved.offsets)
        // Without a file, those of another store may be in the log: this one was its replica.
        if let start = saved.logOffset ?? (saved.offsets.isEmpty ? log.minOffset : nil) { countDeliveries(since: start, &offsets) }
        schedule.progress.withLock { progress in
            progress = DelaySchedule.Progress(offsets: offsets, savedLogOffset: saved.logOffset, isChanged: offsets != saved.offsets)
        }
    }

    /// A level without a queue delivers its first message, whenever that comes, so its entry says nothing.
    private func withinBounds(_ saved: [Int: Int64]) -> [Int: Int64] {
        let queues = queues.queues(of: SystemTopic.schedule)
        var bounds: [Int: ClosedRange<Int64>] = [:]
        for queue in queues { bounds[Int(queue.queueId) + 1] = queue.minOffset...max(queue.minOffset, queue.maxOffset) }
        for (level, range) in bounds where level > configuration.delayLevelMilliseconds.count && range.upperBound > saved[level] ?? 0 {
            logger.warning("messages of delay level \(level) wait until messageDelayLevel has such a level again")
        }
        var report = EntryReport()
        var offsets: [Int: Int64] = [:]
        for (level, offset) in saved.sorted(by: { $0.key < $1.key }) {
            guard let range = bounds[level] else {
                if offset == 0 {
                    offsets[level] = 0
                } else {
                    report.leaveOut("\(level)", JSONValue(offset), because: "this delay level has no messages")
                }
                continue
            }
            let corrected = min(max(offset, range.lowerBound), range.upperBound)
            offsets[level] = corrected
            guard corrected != offset else { continue }
            report.correct(
                "\(level)", JSONValue(offset), to: JSONValue(corrected),
                because: "the queue of this delay level has \(range.lowerBound) to \(range.upperBound)")
        }
        report.log(schedule.path, to: logger)
        return offsets
    }

    /// Makes the log durable and then writes down how far deliveries are.
    ///
    /// In this order: a file that counts deliveries which a power failure takes back would lose those messages.
    /// No other thread delivers.
    func saveDelayOffsets() throws(StoreError) {
        var saved = delayOffsets
        let end = try flushLog()
        saved.logOffset = end
        if !StoreFiles.isDirectory(configuration.configDirectory) {
            try StoreFiles.makeDirectories(configuration.configDirectory)
            try disk.synchronizeNames(in: configuration.rootDirectory)
        }
        try saved.write(schedule.path)
        let now = steadyClock.now()
        schedule.progress.withLock { progress in
            progress.savedLogOffset = end
            progress.isChanged = false
            progress.savedAt = now
        }
    }
}
