import RMQCommon
import Synchronization

/// The messages of one pull from one queue, and how far each has come.
///
/// Workers take them in their order, as many at once as there are workers, and say what became of each without a lock.
final class PulledRun: Sendable {
    let queue: AssignedQueue
    let messages: [StoredMessage]
    /// Bytes of their bodies.
    let byteCount: Int
    /// The next one to hand out.
    private let next = Atomic<Int>(0)
    /// How many had been taken when the run was closed; below zero until then.
    private let taken = Atomic<Int>(-1)
    private let open: Atomic<Int>
    /// One a message. Unsafe, because an array holds no atomics: set up before anybody else sees the run, and freed with it.
    private nonisolated(unsafe) let marks: UnsafeMutablePointer<Atomic<UInt64>>

    /// - Parameter messages: with ascending offsets.
    init(_ messages: [StoredMessage], of queue: AssignedQueue) {
        assert(zip(messages, messages.dropFirst()).allSatisfy { $0.queueOffset < $1.queueOffset }, "a queue's offsets ascend")
        self.queue = queue
        self.messages = messages
        // By index here and below: to go through the elements would be to copy each.
        byteCount = messages.indices.reduce(0) { $0 + messages[$1].body.count }
        open = Atomic(messages.count)
        marks = .allocate(capacity: messages.count)
        for index in messages.indices { (marks + index).initialize(to: Atomic(MessageMark(.waiting).word)) }
    }

    deinit {
        marks.deinitialize(count: messages.count)
        marks.deallocate()
    }

    // MARK: Handing out

    /// Takes the next messages, for the caller alone; nil when none is left.
    @inline(__always)
    func claim(atMost count: Int) -> Range<Int>? {
        let start = next.wrappingAdd(count, ordering: .relaxed).oldValue
        return start < messages.count ? start..<min(start + count, messages.count) : nil
    }

    /// Whether there are messages that nobody has taken.
    var hasUnclaimed: Bool { next.load(ordering: .relaxed) < messages.count }

    /// Nothing more is handed out.
    func close() {
        let start = next.exchange(messages.count, ordering: .relaxed)
        // The first call alone has seen how many were taken.
        _ = taken.compareExchange(expected: -1, desired: min(start, messages.count), ordering: .relaxed)
    }

    /// Whether messages of a closed run are in hand, or on their way there for the first time.
    var isInHand: Bool {
        (0..<max(0, taken.load(ordering: .relaxed))).contains { index in
            let mark = mark(of: index)
            return mark.kind == .inHand || (mark.kind == .waiting && mark.attempt == 0)
        }
    }

    /// Marks a message that the caller has taken.
    /// - Returns: the mark of this hand-out.
    @inline(__always)
    func handOut(_ index: Int, attempt: Int32 = 0, now: Int64) -> MessageMark {
        let mark = MessageMark(.inHand, attempt: attempt, since: now)
        marks[index].store(mark.word, ordering: .releasing)
        return mark
    }

    func mark(of index: Int) -> MessageMark { MessageMark(word: marks[index].load(ordering: .acquiring)) }

    /// The message as a handler sees it: what failed here before counts like what failed elsewhere.
    func message(_ index: Int, attempt: Int32) -> StoredMessage {
        var message = messages[index]
        message.reconsumeTimes &+= attempt
        return message
    }

    // MARK: What became of it

    /// Ends a hand-out for good.
    /// - Returns: false when it has ended before.
    @inline(__always) @discardableResult
    func settle(_ index: Int, _ mark: MessageMark) -> Bool {
        guard exchange(index, mark, for: .settled) else { return false }
        // Sequentially consistent, like the look of the pull loop that goes to sleep: one of the two sees the other.
        open.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        queue.madeRoom()
        return true
    }

    /// Ends a hand-out of a message that goes back to the broker.
    /// - Returns: the mark to settle it by, or to hand it out again; nil when that hand-out has ended before.
    func beginReturn(_ index: Int, _ mark: MessageMark) -> MessageMark? {
        let returning = MessageMark(.returning, attempt: mark.attempt)
        return exchange(index, mark, for: returning) ? returning : nil
    }

    /// The message failed, or could not be sent back: it waits to be handed out again.
    func fail(_ index: Int, _ mark: MessageMark) {
        _ = exchange(index, mark, for: MessageMark(.waiting, attempt: mark.attempt &+ 1))
    }

    @inline(__always)
    private func exchange(_ index: Int, _ old: MessageMark, for new: MessageMark) -> Bool {
        marks[index].compareExchange(expected: old.word, desired: new.word, ordering: .acquiringAndReleasing).exchanged
    }

    // MARK: What the cache asks

    var openCount: Int { open.load(ordering: .sequentiallyConsistent) }
    func isSettled(_ index: Int) -> Bool { mark(of: index).kind == .settled }

    /// Bytes of the bodies that are not settled.
    var openByteCount: Int { messages.indices.reduce(0) { isSettled($1) ? $0 : $0 + messages[$1].body.count } }

    /// Which messages were handed out before a moment and are still in hand.
    func inHand(before limit: Int64) -> [(index: Int, mark: MessageMark)] {
        messages.indices.map { (index: $0, mark: mark(of: $0)) }.filter { $0.mark.kind == .inHand && $0.mark.since < limit }
    }
}
