import RMQCommon

/// What a lite pull consumer holds: its queues, what was pulled and not polled yet, and how far polls have come.
///
/// A value: it asks no one and waits for no one.
///
///     pull ─► add ─► batches ─► take ─► position ─(a later poll)─► counted ─► the group's offset
struct LitePullState {
    /// What one pull brought.
    struct Batch: Sendable {
        /// Who pulled it: what was pulled before a seek is not handed out after it.
        let holder: UInt64
        let queue: MessageQueue
        let messages: [StoredMessage]
        let bytes: Int
        /// Where the next pull begins.
        let next: Int64
    }

    /// One queue between its assignment or a seek and its end or the next seek.
    private struct Holding {
        let queue: MessageQueue
        var isPaused: Bool
        /// All before it was polled; nil until it is known where the queue begins.
        var position: Int64?
        /// All before it counts as consumed: it was polled, and another poll came after that.
        var counted: Int64?
        var cachedCount = 0
        var cachedBytes = 0
        /// The offset of the last message that was cached.
        var lastOffset: Int64 = -1

        func isFull(_ limits: CacheLimits, beside coming: ComingMessages?) -> Bool {
            guard cachedCount > 0 || coming != nil else { return false }
            let last = max(lastOffset, coming?.offsets.upperBound ?? lastOffset)
            let span = last &- (position ?? coming?.offsets.lowerBound ?? last)
            return cachedCount + (coming?.count ?? 0) > limits.messagesPerQueue || cachedBytes + (coming?.bytes ?? 0) > limits.bytesPerQueue
                || span > limits.maxOffsetSpan
        }
    }

    /// For whom something changed that they may wait for.
    struct Changes {
        /// Whose queue was given up or seeked.
        var released: [UInt64] = []
        /// Who may pull again, unless something else keeps them.
        var freed: [UInt64] = []
        /// Whether all may.
        var freesAll = false
    }

    private let limits: CacheLimits
    private let maxCached: Int
    private var holdings: [UInt64: Holding] = [:]
    private var holders: [MessageQueue: UInt64] = [:]
    private var lastHolder: UInt64 = 0
    private var batches: [Batch] = []
    private var head = 0
    private(set) var cachedCount = 0
    /// Whose messages were polled since polls were counted last.
    private var polled: Set<UInt64> = []
    private var changes = Changes()
    /// Nothing is held any more, nor will be.
    private(set) var isFinished = false

    init(limits: CacheLimits, maxCached: Int) {
        self.limits = limits
        self.maxCached = maxCached
    }

    /// What has changed since this was asked last.
    mutating func takeChanges() -> Changes {
        defer { changes = Changes() }
        return changes
    }

    // MARK: Queues

    var queues: [MessageQueue] { Array(holders.keys) }
    func holds(_ queue: MessageQueue) -> Bool { holders[queue] != nil }
    func isHeld(by holder: UInt64) -> Bool { holdings[holder] != nil }

    /// Takes a queue that is not held.
    /// - Parameter start: where it begins; nil when that has to be found out.
    /// - Returns: who holds it now; nil when all is finished.
    mutating func hold(_ queue: MessageQueue, at start: Int64? = nil, isPaused: Bool = false) -> UInt64? {
        guard !isFinished else { return nil }
        assert(holders[queue] == nil, "\(queue) is held twice")
        lastHolder += 1
        holdings[lastHolder] = Holding(queue: queue, isPaused: isPaused, position: start, counted: start)
        holders[queue] = lastHolder
        return lastHolder
    }

    /// Gives a queue up, with all that was pulled and not polled.
    /// - Returns: who held it, and the offset up to which it counts as consumed.
    mutating func release(_ queue: MessageQueue) -> (holder: UInt64, counted: Int64?)? {
        guard let holder = holders.removeValue(forKey: queue), let holding = holdings.removeValue(forKey: holder) else { return nil }
        remove(holding.cachedCount)
        changes.released.append(holder)
        batches = batches[head...].filter { $0.holder != holder }
        head = 0
        polled.remove(holder)
        return (holder, holding.counted)
    }

    /// Goes on elsewhere in a queue that is held.
    /// - Returns: who held it and who does now; nil when it is not held.
    mutating func seek(_ queue: MessageQueue, to offset: Int64) -> (old: UInt64, new: UInt64)? {
        guard let holder = holders[queue], let isPaused = holdings[holder]?.isPaused else { return nil }
        _ = release(queue)
        return hold(queue, at: offset, isPaused: isPaused).map { (old: holder, new: $0) }
    }

    /// Gives all queues up for good.
    /// - Returns: up to where each counts as consumed.
    mutating func finish() -> [MessageQueue: Int64] {
        defer {
            isFinished = true
            for queue in queues { _ = release(queue) }
        }
        return counted
    }

    mutating func setPaused(_ isPaused: Bool, _ queues: some Sequence<MessageQueue>) {
        for holder in queues.compactMap({ holders[$0] }) {
            holdings[holder]?.isPaused = isPaused
            if !isPaused { changes.freed.append(holder) }
        }
    }

    // MARK: Pulling

    /// It is known now where the queue begins.
    mutating func begin(_ holder: UInt64, at offset: Int64) {
        guard holdings[holder]?.position == nil else { return }
        holdings[holder]?.position = offset
        holdings[holder]?.counted = offset
    }

    /// Whether a pull may be sent; nil when the queue is not held by this holder any more.
    /// - Parameter coming: counts as if it were cached.
    func mayPull(_ holder: UInt64, beside coming: ComingMessages? = nil) -> Bool? {
        guard let holding = holdings[holder] else { return nil }
        return !holding.isPaused && cachedCount + (coming?.count ?? 0) <= maxCached && !holding.isFull(limits, beside: coming)
    }

    /// Caches what a pull brought, unless the queue was given up or seeked meanwhile.
    mutating func add(_ messages: [StoredMessage], from holder: UInt64, next: Int64) {
        guard let last = messages.last, let queue = holdings[holder]?.queue else { return }
        let bytes = messages.indices.reduce(0) { $0 + messages[$1].body.count }
        batches.append(Batch(holder: holder, queue: queue, messages: messages, bytes: bytes, next: next))
        cachedCount += messages.count
        holdings[holder]?.cachedCount += messages.count
        holdings[holder]?.cachedBytes += bytes
        holdings[holder]?.lastOffset = last.queueOffset
    }

    /// What lies before `offset` was not meant for this group: it is passed over when nothing before it waits.
    mutating func skip(_ holder: UInt64, to offset: Int64) {
        guard holdings[holder]?.cachedCount == 0 else { return }
        holdings[holder]?.position = offset
        if !polled.contains(holder) { holdings[holder]?.counted = offset }
    }

    /// So many messages are not cached any more.
    private mutating func remove(_ count: Int) {
        if cachedCount > maxCached, cachedCount - count <= maxCached { changes.freesAll = true }
        cachedCount -= count
    }

    // MARK: Polling

    /// The oldest batch.
    mutating func take() -> Batch? {
        guard head < batches.count else { return nil }
        let batch = batches[head]
        head += 1
        if head == batches.count {
            batches.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 256, head * 2 >= batches.count {
            batches.removeFirst(head)
            head = 0
        }
        remove(batch.messages.count)
        changes.freed.append(batch.holder)
        holdings[batch.holder]?.cachedCount -= batch.messages.count
        holdings[batch.holder]?.cachedBytes -= batch.bytes
        holdings[batch.holder]?.position = batch.next
        polled.insert(batch.holder)
        return batch
    }

    /// Takes back what was polled of a batch and not used, from the message at `index` on; the next poll finds it. Drops it when the queue
    /// was given up or seeked meanwhile.
    mutating func putBack(_ batch: Batch, from index: Int) {
        guard index < batch.messages.count, holdings[batch.holder] != nil else { return }
        let messages = Array(batch.messages[index...])
        let bytes = messages.reduce(0) { $0 + $1.body.count }
        batches.insert(Batch(holder: batch.holder, queue: batch.queue, messages: messages, bytes: bytes, next: batch.next), at: head)
        cachedCount += messages.count
        holdings[batch.holder]?.cachedCount += messages.count
        holdings[batch.holder]?.cachedBytes += bytes
        let first = messages[0].queueOffset
        holdings[batch.holder]?.position = first
        if let counted = holdings[batch.holder]?.counted, counted > first { holdings[batch.holder]?.counted = first }
    }

    /// What was polled until now counts as consumed.
    mutating func countPolled() {
        for holder in polled {
            let position = holdings[holder]?.position
            holdings[holder]?.counted = position
        }
        polled.removeAll(keepingCapacity: true)
    }

    /// Up to where each queue counts as consumed.
    var counted: [MessageQueue: Int64] {
        var offsets: [MessageQueue: Int64] = [:]
        for holding in holdings.values { offsets[holding.queue] = holding.counted }
        return offsets
    }
}
