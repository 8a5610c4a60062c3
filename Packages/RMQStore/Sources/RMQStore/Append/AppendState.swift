import RMQCommon

extension MessageStore {
    /// What the append lock guards, beside the writing side of every queue.
    struct AppendState {
        var segment: SegmentWriter?
        /// The next byte in `segment`, or where the next segment begins if there is none.
        var position = 0
        var nextSegmentOffset: Int64 = 0
        /// The segment that an earlier run began, until its disk blocks are known to be allocated.
        var begun: MappedFile?
        /// A write that failed left bytes from `position` to here in `segment`; 0 or below `position` when there are none.
        var leftoversEnd = 0
        /// Beyond this position the allocator is told where the writer is.
        var reportPosition = 0
        var lastStoreTimestamp: Int64 = 0
        /// Whether the thread that syncs the log knows that there is something to do.
        var flushIsAnnounced = false
        /// Whether the index thread knows that there is something to do, or there is no such thread.
        var indexIsAnnounced = true
        var dirtyQueues: [ConsumeQueue] = []
        /// Topics deleted while records of theirs were not dispatched yet: those below this offset get no entries any more.
        var deletedBelow: [ByteText: Int64] = [:]
        var listener: ArrivalListener?
        var counters = AppendCounters()
    }

    /// Puts the writer behind the last record. Append lock.
    func placeWriter(_ state: inout AppendState) {
        let end = log.maxOffset
        let segmentBytes = Int64(configuration.segmentBytes)
        state.segment = nil
        state.leftoversEnd = 0
        state.reportPosition = 0
        if let last = log.snapshot.last, end < last.baseOffset + segmentBytes {
            state.begun = last
            state.position = Int(end - last.baseOffset)
            state.nextSegmentOffset = last.baseOffset + segmentBytes
        } else {
            state.begun = nil
            state.position = 0
            state.nextSegmentOffset = end
        }
    }
}
