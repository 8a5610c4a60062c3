import RMQCommon
import Synchronization

extension MessageStore {
    /// Messages of one level that are delivered before the next level has its turn.
    private static let deliveriesPerTurn = 512
    /// After a delivery that failed, or when an announced entry is not readable in time.
    private static let retryMilliseconds: Int64 = 1_000
    /// While messages wait, the file follows the log at this distance, so that opening after a crash looks at no more.
    private static let unsavedLogBytes: Int64 = 64 << 20

    /// What the thread does.
    func runDelayedDelivery() {
        let encoder = RecordEncoder(maxMessageBytes: .max)  // the size was checked when the message was sent
        while true {
            schedule.signals.withLock { signals in
                signals.hasNews = false
                signals.wakeTime = .max
            }
            let wakeTime = deliverDue(encoder)
            schedule.signals.withLock { $0.wakeTime = wakeTime ?? .max - 1 }
            let timeout = wakeTime.map { Duration.milliseconds(max(0, $0 - steadyClock.now())) }
            let isStopping = schedule.signals.wait(timeout: timeout) { signals -> Bool? in
                if signals.isStopping { return true }
                return signals.hasNews ? false : nil
            }
            if isStopping == true { return }
        }
    }

    /// Delivers everything that is due, and saves the offsets when it is time to.
    /// - Returns: when to look again, on the steady clock; nil when nothing waits.
    func deliverDue(_ encoder: RecordEncoder) -> Int64? {
        var wakeTime: Int64?
        var levelsWithMore = Array(configuration.delayLevelMilliseconds.indices.map { $0 + 1 })
        while !levelsWithMore.isEmpty {
            levelsWithMore = levelsWithMore.filter { level in
                if schedule.isStopping { return false }
                switch deliverDue(level: level, encoder) {
                case .nothingWaits: return false
                case .waits(let time):
                    wakeTime = min(wakeTime ?? time, time)
                    return false
                case .moreIsDue: return true
                }
            }
        }
        return saveIfDue(somethingWaits: wakeTime != nil).map { min($0, wakeTime ?? $0) } ?? wakeTime
    }

    private enum Turn {
        case nothingWaits
        case waits(until: Int64)
        case moreIsDue
    }

    private func deliverDue(level: Int, _ encoder: RecordEncoder) -> Turn {
        guard let queue = queues.find(QueueKey(topic: SystemTopic.schedule, queueId: Int32(level - 1))) else { return .nothingWaits }
        let now = steadyClock.now()
        let delay = configuration.delayLevelMilliseconds[level - 1]
        let start = schedule.progress.withLock { $0.offsets[level] ?? 0 }
        // Retention may have removed what was not delivered for long.
        var offset = min(max(start, queue.minOffset), queue.maxOffset)
        let limit = offset + Int64(Self.deliveriesPerTurn)
        var deliveries: [QueueKey: DelayedDelivery] = [:]
        defer { tell(deliveries) }
        while offset < limit {
            let next: QueueEntry?
            do throws(StoreError) {
                next = try queue.entry(at: offset)
            } catch {
                noteFailure(error, level: level, offset: offset)
                return .waits(until: now + Self.retryMilliseconds)
            }
            guard let entry = next else {
                if let due = schedule.expected(level: level, beyond: offset) { return .waits(until: max(due, now + Self.retryMilliseconds)) }
                return .nothingWaits
            }
            if !entry.isFiller {
                let due = deliveryTime(of: entry, in: queue, delay: delay) &- schedule.drift(level: level, offset: offset)
                // A later time than a message sent now would get: the level was longer once, or the clock went back before this run.
                if due > now, due <= now + delay + StampDrifts.tolerance { return .waits(until: due) }
                do throws(StoreError) {
                    if let (target, byteCount) = try deliver(entry, of: queue, level: level, offset: offset, encoder) {
                        let first = DelayedDelivery(level: level, topic: target.topic, queueId: target.queueId)
                        deliveries[target, default: first].messageCount += 1
                        deliveries[target, default: first].byteCount += byteCount
                    }
                } catch {
                    noteFailure(error, level: level, offset: offset)
                    return .waits(until: now + Self.retryMilliseconds)
                }
            }
            offset += 1
            schedule.progress.withLock { progress in
                progress.offsets[level] = offset
                progress.isChanged = true
                progress.isFailing = false
            }
        }
        return .moreIsDue
    }

    private func deliveryTime(of entry: QueueEntry, in queue: ConsumeQueue, delay: Int64) -> Int64 {
        // An entry whose extension is damaged: as it was computed once.
        queue.tagCode(of: entry) ?? (storeTimestamp(at: entry.position) ?? 0) &+ delay
    }

    /// Appends a waiting message to where it was meant to go. It is safe, or seen by consumers, when the configuration's
    /// durability comes later, and no one waits for it here: the file counts on nothing that is not on the disk.
    /// - Returns: where that is, and the size of the record; nil for one that can never be delivered, which is said and passed over,
    ///   or it would hold up its level for ever.
    /// - Throws: when it cannot be appended now.
    private func deliver(
        _ entry: QueueEntry, of queue: ConsumeQueue, level: Int, offset: Int64, _ encoder: RecordEncoder
    ) throws(StoreError) -> (target: QueueKey, byteCount: Int)? {
        func passOver(_ reason: String) -> (QueueKey, Int)? {
            logger.error("the message at offset \(offset) of delay level \(level), \(entry.position) in the log, is not delivered: \(reason)")
            return nil
        }
        guard let record = record(of: entry, at: offset, of: queue), let message = DelayedMessage(record) else {
            return passOver("its record is gone")
        }
        guard let target = message.target else { return passOver("its properties do not say where to") }
        try saveBeforeFirstDelivery()
        do {
            let draft = try encoder.encode(
                queue: queueHandle(topic: target.topic, queueId: target.queueId), attributes: message.attributes, body: message.body,
                properties: message.properties)
            return (target, try append(draft).byteCount)
        } catch {
            guard error.concernsTheMessage else { throw error }
            return passOver("\(error)")
        }
    }

    private func tell(_ deliveries: [QueueKey: DelayedDelivery]) {
        guard !deliveries.isEmpty, let listener = schedule.delivery.withLock({ $0.listener }) else { return }
        for var delivery in deliveries.values {
            delivery.isReadable = publishesAtAppend
            listener(delivery)
        }
    }

    private func noteFailure(_ error: StoreError, level: Int, offset: Int64) {
        let isNew = schedule.progress.withLock { progress in
            defer { progress.isFailing = true }
            return !progress.isFailing
        }
        if isNew { logger.error("delay level \(level) stands still at offset \(offset), trying again every \(Self.retryMilliseconds) ms: \(error)") }
    }

    // MARK: Saving

    /// The file has to say from where on in the log deliveries are to be counted after a crash.
    private func saveBeforeFirstDelivery() throws(StoreError) {
        if schedule.progress.withLock({ $0.savedLogOffset == nil }) { try saveDelayOffsets() }
    }

    /// - Returns: when to save next, on the steady clock; nil when there is nothing to save.
    private func saveIfDue(somethingWaits: Bool) -> Int64? {
        let now = steadyClock.now()
        let progress = schedule.progress.withLock { $0 }
        let hasMoved = somethingWaits && log.maxOffset - (progress.savedLogOffset ?? 0) > Self.unsavedLogBytes
        guard progress.isChanged || hasMoved else { return nil }
        let due = progress.savedAt + settings.current.delayOffsetInterval.milliseconds
        if now < due { return due }
        do throws(StoreError) {
            try saveDelayOffsets()
            return nil
        } catch {
            logger.error("cannot save how far delayed messages are delivered: \(error)")
            return now + settings.current.delayOffsetInterval.milliseconds
        }
    }
}

extension StoreError {
    /// Whether a message was refused for what it is, and would be again.
    fileprivate var concernsTheMessage: Bool {
        switch appendStatus {
        case .messageIllegal, .propertiesSizeExceeded, .tooManyLightQueues: true
        case .ok, .flushDiskTimeout, .flushReplicaTimeout, .replicaNotAvailable, .serviceNotAvailable, .createSegmentFailed, .pageCacheBusy,
            .unknownError:
            false
        }
    }
}
