import RMQCommon

/// Reading what is on the disk only: for workers, which may wait.
extension MessageStore {
    /// Reads as ``read(_:offset:maxCount:maxBytes:from:into:)`` does from the disk, and returns when what was found is in
    /// memory, so that whoever sends it does not wait. What follows in the log is read along.
    public func load(_ queue: ConsumeQueue, offset: Int64, maxCount: Int, into result: inout ReadResult) {
        loadBeginning(of: queue, at: offset)
        read(queue, offset: offset, maxCount: maxCount, into: &result)
        loadFound(result)
    }

    /// The same of those messages that match.
    @inlinable
    public func load<Filter: MessageFilter>(
        _ queue: ConsumeQueue, offset: Int64, maxCount: Int, matching filter: Filter, into result: inout ReadResult
    ) {
        loadBeginning(of: queue, at: offset)
        read(queue, offset: offset, maxCount: maxCount, matching: filter, into: &result)
        loadFound(result)
    }

    @usableFromInline
    func loadBeginning(of queue: ConsumeQueue, at offset: Int64) {
        if let entry = try? queue.entry(at: offset), !entry.isFiller, let (file, position) = log.range(at: entry.position, count: 1) {
            file.load(from: position, count: Self.loadedBytes)
        }
    }

    @usableFromInline
    func loadFound(_ result: ReadResult) {
        for chunk in result.chunks { chunk.owner.load(from: chunk.position, count: chunk.bytes.count) }
    }

    /// Has some MiB of the log from a place on, such as ``ReadResult/wantedAhead``, read into memory, and returns when they are.
    /// - Returns: where they end; `position` itself when there is nothing at that place.
    @discardableResult
    public func readAhead(at position: Int64) -> Int64 {
        guard let (file, start) = log.range(at: position, count: 1) else { return position }
        let count = min(Int(MemoryGate.aheadBytes), file.byteCount - start)
        file.load(from: start, count: count)
        return position + Int64(count)
    }

    /// From here on the log was written so lately, and by this process, that reading it waits for no disk: what was there when the store was
    /// opened may be of yesterday.
    public var recentOffset: Int64 {
        let end = log.maxOffset
        return min(max(end - max(0, configuration.recentBytes), inheritedEnd), end)
    }

    /// What a first read from the disk takes along: the pulls until more has been read ahead.
    private static let loadedBytes = 1 << 20
}
