import Synchronization

/// Which queues have messages below a place in the log, and how many: numbers that do not depend on the order of the queues.
///
/// The checkpoint holds them for its safe offset. So an opening knows that entries are missing which were on the disk, also
/// after a crash, and walks through the log to find out which.
package struct QueuePrint: Equatable, Sendable {
    var count: Int64 = 0
    var names: UInt64 = 0
    /// Where each queue's entries for those messages end. nil: not known.
    var ends: UInt64?
    /// Where each queue's first file begins. nil: not known. After a crash they may differ without a fault: retention
    /// removes first files at any time.
    var starts: UInt64?

    package static let none = QueuePrint(count: 0, names: 0, ends: 0, starts: 0)

    /// Counts a queue whose entries end at an offset, and whose first file begins at a byte.
    package mutating func add(topic: String, queueId: Int32, end: Int64, start: Int64) {
        let name = QueueKey(topic: topic, queueId: queueId).fingerprint
        count += 1
        names ^= name
        ends = (ends ?? 0) ^ Self.mix(name, UInt64(bitPattern: end))
        starts = (starts ?? 0) ^ Self.mix(name, UInt64(bitPattern: start))
    }

    /// Whether both counted the same queues, however many messages each had.
    package func hasSameQueues(as other: QueuePrint) -> Bool { count == other.count && names == other.names }

    private static func mix(_ name: UInt64, _ value: UInt64) -> UInt64 {
        let mixed = (name ^ value &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
        return mixed ^ mixed >> 32
    }
}

extension QueueTable {
    /// The print of all queues, for the messages below a log offset.
    ///
    /// A queue's entries may be written meanwhile, as long as all of those messages have theirs. One that cannot be read, as its
    /// topic is just being deleted, makes the print one that fits nothing: the next opening then looks into the log.
    func print(below limit: Int64) -> QueuePrint {
        var print = QueuePrint.none
        for queue in all where queue.firstPhysicalOffset >= 0 && queue.firstPhysicalOffset < limit {
            print.add(
                topic: queue.topic, queueId: queue.queueId, end: (try? queue.end(below: limit)) ?? 0, start: queue.files.withLock { $0.firstBase })
        }
        return print
    }
}

extension ConsumeQueue {
    /// Behind the last entry of a message below a log offset. Any thread.
    func end(below limit: Int64) throws(StoreError) -> Int64 {
        let end = maxOffset
        // Stored before `maxOffset` was: it is that of the last entry, or of one behind it.
        if maxPhysicalOffset <= limit { return end }
        let start = minOffset
        /// A filler belongs to the entry before it. What retention took lies before everything else.
        func isBelow(_ offset: Int64) throws(StoreError) -> Bool {
            var offset = offset
            while offset >= start, let (file, position) = try locate(offset) {
                let entry = QueueEntry(file.base + position)
                if !entry.isFiller { return entry.position < limit }
                offset -= 1
            }
            return true
        }
        // What was appended since the limit was drawn is at the end, and little.
        var high = end
        var low = end
        var step: Int64 = 1
        while low > start, try !isBelow(low - 1) {
            high = low - 1
            low = max(start, low - step)
            step *= 2
        }
        while low < high {
            let middle = low + (high - low) / 2
            if try isBelow(middle) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
