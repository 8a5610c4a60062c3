import RMQCommon

/// Which records the log holds: for whoever compares it with another one.
extension MessageStore {
    /// Where the segments of the log begin that hold something, the oldest first.
    public var segmentOffsets: [Int64] {
        let end = log.maxOffset
        return log.snapshot.map(\.baseOffset).filter { $0 < end }
    }

    /// Where the whole records begin that lie in the segment with `start`, from there on. Bodies are not checked.
    ///
    /// Reads all of that segment: not for an event loop.
    /// - Parameter start: where a record begins, or the segment.
    public func recordOffsets(from start: Int64) -> [Int64] {
        let end = receivedOffset
        guard let (segment, _) = log.range(at: start, count: 1) else { return [] }
        return RecordWalk(segment, from: start, to: end).lazy.filter { $0.end <= end }.map(\.physicalOffset)
    }

    /// Where the last whole record of the log begins; nil when it holds none. May read a part of the last segments.
    public var lastRecordOffset: Int64? {
        // What the queues lead to is near the end. Half messages may follow it, which no queue has.
        let known = queues.all.compactMap { queue in queue.maxOffset > 0 ? physicalOffset(queue, offset: queue.maxOffset - 1) : nil }.max() ?? 0
        for base in segmentOffsets.reversed() {
            let isKnown = known >= base && known < base + Int64(configuration.segmentBytes)
            if let last = recordOffsets(from: isKnown ? known : base).last { return last }
        }
        return nil
    }
}
