import RMQFilter
import RMQRemoting
import RMQStore

/// A pull that can be answered at any time.
struct HeldPull {
    let connection: UInt64
    let ticket: ReplyTicket
    let queue: QueueState
    let filter: SubscriptionFilter
    let offset: Int64
    /// Beyond `offset` by the messages that were looked at since and did not match.
    var nextOffset: Int64
    let maxCount: Int
    /// Of the group that pulls; nil when the table of offsets is full.
    let progress: GroupProgress?
}

/// The pulls that one loop holds until there is something to give. On the loop's thread only.
///
/// Woken by appends of any loop (``LoopState/wakeUpEnded()``), or by the timer when the client's patience ends.
final class PullHolds {
    /// The reference looks at held pulls this often: one that skipped messages it did not want is then told so,
    /// and the client's offset moves on.
    private static let checkMilliseconds: Int64 = 5_000
    /// A client that asks for more patience gets this much; clients ask for 15 to 30 s.
    private static let longestSuspendMilliseconds: Int64 = 600_000
    /// Reads of one wake-up for one pull; each looks at up to 800 queue entries.
    private static let readsPerWakeUp = 16

    private let loopIndex: Int
    private let loop: EventLoop
    private let store: MessageStore
    private var table = HoldTable<QueueState, HeldPull>()
    private var result = ReadResult()
    /// Called when a pull is answered that asked for an offset outside its queue.
    var offsetMoved: (_ pull: HeldPull, _ newOffset: Int64) -> Void = { _, _ in }
    /// When the timer that matters fires, in milliseconds since 1970.
    private var timerAt: Int64 = .max

    init(loopIndex: Int, loop: EventLoop, store: MessageStore) {
        self.loopIndex = loopIndex
        self.loop = loop
        self.store = store
    }

    var count: Int { table.count }

    /// Answers with what is there, or holds the pull for as long as `suspendMilliseconds`; nil answers at once.
    func answerOrHold(_ pull: HeldPull, suspendMilliseconds: Int64?, on connection: Connection) {
        read(pull, from: pull.offset)
        guard let suspendMilliseconds, suspendMilliseconds > 0, isNothingYet(pull.offset) else { return reply(to: pull, on: connection) }
        let now = loop.wallMilliseconds
        let deadline = now + min(suspendMilliseconds, Self.longestSuspendMilliseconds)
        guard table.hold(pull, on: pull.queue, connection: pull.connection, until: deadline) else { return reply(to: pull, on: connection) }
        pull.queue.addWaiter(loop: loopIndex)
        // A message that came between the read and the bit was appended by somebody who did not see the bit.
        if pull.queue.queue.maxOffset > result.maxOffset { return wake(pull.queue) }
        setTimer(min(deadline, now + Self.checkMilliseconds))
    }

    /// Answers the pulls of `queue` for which there is something now.
    func wake(_ queue: QueueState) {
        table.release(queue) { pull in
            guard let connection = loop.connection(pull.connection) else { return true }
            guard advance(&pull) else { return false }
            reply(to: pull, on: connection)
            return true
        }
        unlist(queue)
    }

    func connectionClosed(_ connection: UInt64) {
        guard table.count > 0 else { return }
        for (queue, _) in table.drop(connection: connection) { unlist(queue) }
    }

    // MARK: Reading

    /// Reads on from where the pull has got to.
    /// - Returns: whether there is an answer in `result`; if not, `pull` remembers what it need not look at again.
    private func advance(_ pull: inout HeldPull) -> Bool {
        for _ in 0..<Self.readsPerWakeUp {
            read(pull, from: pull.nextOffset)
            switch result.status {
            case .found: return true
            case .noMatchedMessage: pull.nextOffset = result.nextOffset
            case .offsetOverflowOne, .noMessageInQueue, .noMatchedLogicQueue: return false
            case .messageWasRemoving, .offsetFoundNull, .offsetOverflowBadly, .offsetTooSmall: return true
            }
            if pull.nextOffset >= result.maxOffset { return false }
        }
        // Much that does not match: say how far it is instead of keeping the loop.
        return true
    }

    private func read(_ pull: HeldPull, from offset: Int64) {
        let filter = pull.filter
        if filter.matchesEverything {
            store.read(pull.queue.queue, offset: offset, maxCount: pull.maxCount, into: &result)
        } else {
            store.read(
                pull.queue.queue, offset: offset, maxCount: pull.maxCount,
                matches: { code in code.map { filter.matches(tagsCode: $0) } ?? true }, into: &result)
        }
    }

    /// Whether the queue has nothing at `offset` so far, which is what a client may wait for.
    private func isNothingYet(_ offset: Int64) -> Bool {
        switch result.status {
        case .offsetOverflowOne, .offsetFoundNull: true
        case .noMessageInQueue, .noMatchedLogicQueue: offset == 0
        default: false
        }
    }

    // MARK: Answering

    /// Sends what `result` holds.
    private func reply(to pull: HeldPull, on connection: Connection) {
        let code = result.status.responseCode(requested: pull.offset)
        if code == .pullOffsetMoved { offsetMoved(pull, result.nextOffset) }
        if result.messageCount > 0 { pull.progress?.countPulled(result.messageCount) }
        connection.replyPull(
            PullReply(
                code: code, remark: result.status.name, nextBeginOffset: result.nextOffset,
                minOffset: result.minOffset, maxOffset: result.maxOffset),
            to: pull.ticket, bodyCount: result.byteCount
        ) { body in
            for chunk in result.chunks { body.append(chunk.bytes, keeping: chunk.owner) }
        }
        // Or the mappings would live for as long as this loop reads nothing else.
        result.chunks.removeAll(keepingCapacity: true)
    }

    /// Sends that there is nothing, or nothing that matched.
    private func replyEmpty(to pull: HeldPull) {
        guard let connection = loop.connection(pull.connection) else { return }
        guard pull.nextOffset > pull.offset else {
            read(pull, from: pull.offset)
            return reply(to: pull, on: connection)
        }
        connection.replyPull(
            PullReply(
                code: .pullRetryImmediately, remark: ReadStatus.noMatchedMessage.name, nextBeginOffset: pull.nextOffset,
                minOffset: pull.queue.queue.minOffset, maxOffset: pull.queue.queue.maxOffset),
            to: pull.ticket)
    }

    // MARK: Time

    private func setTimer(_ deadline: Int64) {
        guard deadline < timerAt else { return }
        timerAt = deadline
        loop.scheduleLocally(after: .milliseconds(max(deadline - loop.wallMilliseconds, 1))) { [weak self] in self?.check() }
    }

    private func check() {
        let now = loop.wallMilliseconds
        // An older timer that was overtaken by a nearer deadline.
        guard now >= timerAt else { return }
        timerAt = .max
        for (queue, pull) in table.expire(now: now) {
            replyEmpty(to: pull)
            unlist(queue)
        }
        for (queue, pull) in table.removeAll(where: { $0.nextOffset > $0.offset }) {
            replyEmpty(to: pull)
            unlist(queue)
        }
        if let earliest = table.earliestDeadline { setTimer(min(earliest, now + Self.checkMilliseconds)) }
    }

    private func unlist(_ queue: QueueState) {
        if !table.isHolding(queue) { queue.removeWaiter(loop: loopIndex) }
    }
}

extension ReadStatus {
    func responseCode(requested offset: Int64) -> ResponseCode {
        switch self {
        case .found: .success
        case .noMatchedMessage, .messageWasRemoving: .pullRetryImmediately
        case .noMatchedLogicQueue, .noMessageInQueue: offset == 0 ? .pullNotFound : .pullOffsetMoved
        case .offsetFoundNull, .offsetOverflowOne: .pullNotFound
        case .offsetOverflowBadly, .offsetTooSmall: .pullOffsetMoved
        }
    }
}
