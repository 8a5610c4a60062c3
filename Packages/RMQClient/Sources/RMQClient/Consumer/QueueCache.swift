/// What one assigned queue has pulled and not settled yet, and from which offset the group would resume.
///
/// A value: the queue that owns it guards it with its lock.
///
///     entries   done done │ open done open open
///               forgotten   head
///                         └ the offset to commit: the smallest one that is not settled
struct QueueCache: Sendable {
    private struct Entry {
        let offset: Int64
        let bytes: Int
        /// How often the message was handed out again.
        var attempt: Int32 = 0
        var isSettled = false
    }

    private var entries: [Entry] = []
    private var head = 0
    private(set) var count = 0
    private(set) var bytes = 0
    private var lastOffset: Int64 = -1

    /// Adds a message; false when its offset does not lie behind all earlier ones, which a broker never sends.
    mutating func add(offset: Int64, bytes: Int) -> Bool {
        guard offset > lastOffset else { return false }
        lastOffset = offset
        entries.append(Entry(offset: offset, bytes: bytes))
        count += 1
        self.bytes += bytes
        return true
    }

    /// Settles one message.
    /// - Parameter attempt: which hand-out of the message ends. Only the latest one counts, and once.
    /// - Returns: the offset to commit; nil when that hand-out has ended before.
    mutating func settle(offset: Int64, attempt: Int32 = 0) -> Int64? {
        guard let index = openIndex(of: offset, attempt: attempt) else { return nil }
        entries[index].isSettled = true
        count -= 1
        bytes -= entries[index].bytes
        while head < entries.count, entries[head].isSettled { head += 1 }
        let commit = head < entries.count ? entries[head].offset : lastOffset + 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 256, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return commit
    }

    /// Ends hand-out number `attempt` of a message, which stays open for the next one.
    /// - Returns: false when that hand-out has ended before.
    mutating func retry(offset: Int64, attempt: Int32) -> Bool {
        guard let index = openIndex(of: offset, attempt: attempt) else { return false }
        entries[index].attempt &+= 1
        return true
    }

    var isEmpty: Bool { count == 0 }

    /// Whether pulling pauses.
    func isFull(_ limits: CacheLimits) -> Bool {
        count > limits.messagesPerQueue || bytes > limits.bytesPerQueue || span > limits.maxOffsetSpan
    }

    private var span: Int64 { head < entries.count ? lastOffset - entries[head].offset : 0 }

    private func openIndex(of offset: Int64, attempt: Int32) -> Int? {
        guard let index = index(of: offset), !entries[index].isSettled, entries[index].attempt == attempt else { return nil }
        return index
    }

    private func index(of offset: Int64) -> Int? {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].offset < offset { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].offset == offset ? low : nil
    }
}
