import RMQCommon

extension MessageStore {
    /// Counts the deliveries that the log holds beyond what the offsets already count, so that none is repeated.
    ///
    /// A delivered message carries the properties of the one that waited, unchanged, and a level is delivered strictly in
    /// order. So the first record from `start` on that is what the level's next message becomes is its delivery.
    func countDeliveries(since start: Int64, _ offsets: inout [Int: Int64]) {
        // The first message of each level that may not be delivered yet. Its delivery lies behind it.
        var next: [Int: (message: DelayedMessage, offset: Int64)] = [:]
        for level in 1...configuration.delayLevelMilliseconds.count { next[level] = waitingMessage(level, from: offsets[level] ?? 0) }
        guard let oldest = next.values.map(\.message.record.offset).min() else { return }
        var delivered = 0
        forEachRecord(from: max(start, oldest, log.minOffset)) { record in
            guard let level = PropertyText.delayLevel(record.properties), let waiting = next[level], let candidate = message(record),
                waiting.message.becomes(candidate)
            else { return }
            delivered += 1
            offsets[level] = waiting.offset + 1
            next[level] = waitingMessage(level, from: waiting.offset + 1)
        }
        if delivered > 0 { logger.info("\(delivered) delayed messages had been delivered after \(schedule.path) was written") }
    }

    /// The first message of a level from `offset` on, passing over entries without one as delivery does.
    private func waitingMessage(_ level: Int, from offset: Int64) -> (message: DelayedMessage, offset: Int64)? {
        guard let queue = queues.find(QueueKey(topic: SystemTopic.schedule, queueId: Int32(level - 1))) else { return nil }
        var offset = max(offset, queue.minOffset)
        while let entry = try? queue.entry(at: offset) {
            if let record = record(at: entry.position), let message = DelayedMessage(record), message.target != nil { return (message, offset) }
            offset += 1
        }
        return nil
    }

    private func message(_ record: CheckedRecord) -> DelayedMessage? {
        self.record(at: record.physicalOffset).flatMap { DelayedMessage($0) }
    }

    /// Goes from record to record to the end of the log. `start` is where one begins; should none begin there, nothing is visited.
    private func forEachRecord(from start: Int64, _ visit: (CheckedRecord) -> Void) {
        let end = log.maxOffset
        for segment in log.snapshot where segment.baseOffset + Int64(segment.byteCount) > start {
            var position = max(0, Int(start - segment.baseOffset))
            while segment.baseOffset + Int64(position) < end, position < segment.byteCount,
                case .record(let record) = RecordCheck.check(segment, at: position, verifiesBody: false)
            {
                visit(record)
                position += record.byteCount
            }
        }
    }
}
