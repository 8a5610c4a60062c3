import RMQCommon
import RMQRemoting
import RMQStore

/// The pulls that one loop holds until there is something to give. On the loop's thread only.
///
/// Woken by appends of any loop (``LoopState/wakeUpEnded()``), or by the timer when the client's patience ends. What is on the disk
/// only is read by a worker (``ColdReads``), after which the pull goes on here.
///
///     answerOrHold ─┬► messages in memory ─► answered
///                   ├► nothing yet ─► HoldTable ──wake: a message came──► rules looked at again? ─► messages, or held on
///                   │                     └───────check: time is over───► the same              ─► how far it is, or why not any more
///                   └► on the disk ─► worker ─► answered
final class PullHolds {
    /// The reference looks at held pulls this often: one that skipped messages it did not want is then told so,
    /// and the client's offset moves on.
    private static let checkInterval: Duration = .seconds(5)
    /// A check looks at every pull, some 50 ns each. With this pause behind it, checks take half a percent of the loop's time; with 10,000 pulls an answer that there is nothing comes up to 100 ms late, which no client notices.
    private static let checkPausePerPull: Duration = .microseconds(10)
    /// A client that asks for more patience gets this much; clients ask for 15 to 30 s.
    private static let longestSuspendMilliseconds: Int64 = 600_000
    /// Reads of one wake-up for one pull; each looks at up to 800 queue entries.
    private static let readsPerWakeUp = 16
    /// The same where each looks at records, too: about a millisecond.
    private static let recordReadsPerWakeUp = 4

    private let loopIndex: Int
    private let loop: EventLoop
    private let store: MessageStore
    private var table = HoldTable<BrokerQueue, HeldPull>()
    private var result = ReadResult()
    private let coldReads: ColdReads
    /// Called when a pull is answered that asked for an offset outside its queue.
    var offsetMoved: (_ pull: HeldPull, _ newOffset: Int64) -> Void = { _, _ in }
    /// Whether a pull of an offset outside its queue is to be asked again as it is: a slave may only be behind its master.
    var keepsOffsets: () -> Bool = { false }
    /// Moves on when a pull that was allowed may not be any more.
    var rulesVersion: () -> UInt64 = { 0 }
    /// The queue that a held pull is for by the rules as they are now: another object when the topic was deleted and made again.
    var queueNow: (HeldPull) throws(Refusal) -> BrokerQueue = { (pull) throws(Refusal) in pull.queue }
    /// Whether a held pull would be filtered in the same way if it came now.
    var isFilterCurrent: (PullFilter) -> Bool = { _ in true }
    /// How long a pull may wait for a worker.
    var patience: () -> Duration? = { nil }
    /// Hears of groups that are further behind than ``slowGroupBytes``, and of those that are not any more.
    var slowGroups: SlowGroups?
    /// `max` when no group is too slow.
    var slowGroupBytes = Int64.max
    /// Called when a queue had nothing, before the pull is listed as waiting: a test lets a message come then.
    var aboutToHold: () -> Void = {}
    private lazy var alarm = LoopAlarm(on: loop) { [weak self] in
        guard let self else { return }
        check(now: self.loop.now)
    }
    /// No check before this time.
    private var nextCheckFrom = MonotonicInstant(nanoseconds: 0)

    init(loopIndex: Int, loop: EventLoop, store: MessageStore, workers: WorkerPool) {
        self.loopIndex = loopIndex
        self.loop = loop
        self.store = store
        coldReads = ColdReads(loop: loop, store: store, workers: workers)
    }

    var count: Int { table.count }

    /// Answers with what is there, or holds the pull for as long as `suspendMilliseconds`; nil answers at once.
    func answerOrHold(_ pull: HeldPull, suspendMilliseconds: Int64?, on connection: Connection) {
        read(pull, from: pull.offset)
        guard let suspendMilliseconds, suspendMilliseconds > 0, isNothingYet(pull.offset) else { return give(to: pull, on: connection) }
        aboutToHold()
        let deadline = loop.now + .milliseconds(min(suspendMilliseconds, Self.longestSuspendMilliseconds))
        guard table.hold(pull, on: pull.queue, until: deadline) else { return reply(to: pull, on: connection) }
        pull.queue.addWaiter(loop: loopIndex)
        setAlarm(min(deadline, loop.now + Self.checkInterval))
        // A message that came between the read and the bit was appended by a thread that did not see the bit.
        if pull.queue.stored.maxOffset > result.maxOffset { wake(pull.queue) }
    }

    /// Answers the pulls of `queue` for which there is something now.
    func wake(_ queue: BrokerQueue) {
        let version = rulesVersion()
        table.release(queue) { pull in
            guard let connection = loop.connection(pull.connection) else { return true }
            guard isStillAllowed(&pull, version, on: connection) else { return true }
            guard advance(&pull) else { return false }
            give(to: pull, on: connection)
            return true
        }
        unlist(queue)
    }

    /// Its pulls are forgotten at the next check: many connections that close at once cost one look at the table, not one each.
    func connectionClosed() {
        if table.count > 0 { setAlarm(loop.now) }
    }

    /// Looks at the rules again where they changed.
    /// - Returns: false when the pull was answered, because they forbid it now or its queue is not the topic's any more.
    private func isStillAllowed(_ pull: inout HeldPull, _ version: UInt64, on connection: Connection) -> Bool {
        guard pull.rulesVersion != version else { return true }
        do throws(Refusal) {
            let queue = try queueNow(pull)
            pull.rulesVersion = version
            guard isFilterCurrent(pull.filter) else {
                // What was passed over meanwhile may match now: its client asks once more, from where it did.
                pull.nextOffset = pull.offset
                replyNothingMatched(to: pull, on: connection)
                return false
            }
            guard queue !== pull.queue else { return true }
            var pull = pull
            pull.queue = queue
            read(pull, from: pull.offset)
            give(to: pull, on: connection)
        } catch {
            connection.reply(.response(error.code, remark: error.remark), to: pull.ticket)
        }
        return false
    }

    // MARK: Reading

    /// Reads on from where the pull has got to.
    /// - Returns: whether there is an answer in `result`; if not, `pull` remembers what it need not look at again.
    private func advance(_ pull: inout HeldPull) -> Bool {
        for _ in 0..<(pull.filter.readsRecords ? Self.recordReadsPerWakeUp : Self.readsPerWakeUp) {
            read(pull, from: pull.nextOffset)
            if result.needsDisk { return true }
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
            store.read(pull.queue.stored, offset: offset, maxCount: pull.maxCount, from: .memory, into: &result)
        } else {
            store.read(
                pull.queue.stored, offset: offset, maxCount: pull.maxCount, from: .memory,
                matching: filter, into: &result)
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

    /// Sends what `result` holds, or has it read from the disk if it holds nothing because of that.
    private func give(to pull: HeldPull, on connection: Connection) {
        if let position = result.wantedAhead { coldReads.readAhead(at: position) }
        guard result.needsDisk, result.messageCount == 0 else { return reply(to: pull, on: connection) }
        let (patience, since) = (self.patience(), loop.now)
        let isTaken = coldReads.read(pull, from: result.nextOffset, patience: patience) { [weak self] loaded in
            if let loaded { self?.loaded(loaded, for: pull, since: since) } else { self?.gaveUp(pull, since: since, patience) }
        }
        if !isTaken {
            connection.reply(.response(to: Refusal.overloaded("too many pulls wait for the disk")), to: pull.ticket)
        }
    }

    private func loaded(_ loaded: ReadResult, for pull: HeldPull, since began: MonotonicInstant) {
        var pull = pull
        guard let connection = loop.connection(pull.connection), isStillAllowed(&pull, rulesVersion(), on: connection) else { return }
        result = loaded
        reply(to: pull, on: connection, diskWait: loop.now - began)
    }

    private func gaveUp(_ pull: HeldPull, since: MonotonicInstant, _ patience: Duration?) {
        guard let connection = loop.connection(pull.connection) else { return }
        let refusal = Refusal.waitedTooLong(
            (loop.now - since).nanoseconds / 1_000_000, "pulls that wait for the disk: \(coldReads.waitingCount + 1)", "waitTimeMillsInPullQueue",
            (patience ?? .zero).nanoseconds / 1_000_000)
        connection.reply(.response(refusal.code, remark: refusal.remark), to: pull.ticket)
    }

    /// Sends what `result` holds.
    /// - Parameter diskWait: how long it waited for the disk; nil when it did not.
    private func reply(to pull: HeldPull, on connection: Connection, diskWait: Duration? = nil) {
        var code = result.status.responseCode(requested: pull.offset)
        if code == .pullOffsetMoved {
            if keepsOffsets() {
                code = .pullRetryImmediately
                result.nextOffset = pull.offset
            } else {
                offsetMoved(pull, result.nextOffset)
            }
        }
        if slowGroupBytes != .max, let progress = pull.progress {
            slowGroups?.note(progress, queueId: pull.queue.stored.queueId, bytesBehind: result.bytesBehind, limit: slowGroupBytes)
        }
        pull.statistics.count(result, queueId: pull.queue.stored.queueId, diskWait: diskWait, now: loop.wallMilliseconds)
        connection.replyPull(
            PullReply(
                code: code, remark: result.status.name,
                suggestWhichBrokerId: result.suggestsReplica ? pull.advice.whenFarBehind : pull.advice.usual, nextBeginOffset: result.nextOffset,
                minOffset: result.minOffset, maxOffset: result.maxOffset),
            to: pull.ticket, bodyCount: result.byteCount
        ) { body in
            for chunk in result.chunks { body.append(chunk.bytes, keeping: chunk.owner) }
        }
        // Or the mappings would live for as long as this loop reads nothing else.
        result.chunks.removeAll(keepingCapacity: true)
    }

    /// Sends that there is nothing, or nothing that matched, or why the pull is not served any more.
    private func replyEmpty(to pull: HeldPull) {
        var pull = pull
        guard let connection = loop.connection(pull.connection), isStillAllowed(&pull, rulesVersion(), on: connection) else { return }
        guard pull.nextOffset > pull.offset else {
            read(pull, from: pull.offset)
            return give(to: pull, on: connection)
        }
        replyNothingMatched(to: pull, on: connection)
    }

    private func replyNothingMatched(to pull: HeldPull, on connection: Connection) {
        connection.replyPull(
            PullReply(
                code: .pullRetryImmediately, remark: ReadStatus.noMatchedMessage.name, suggestWhichBrokerId: pull.advice.usual, nextBeginOffset: pull.nextOffset,
                minOffset: pull.queue.stored.minOffset, maxOffset: pull.queue.stored.maxOffset),
            to: pull.ticket)
    }

    // MARK: Time

    private func setAlarm(_ deadline: MonotonicInstant) { alarm.set(max(deadline, nextCheckFrom)) }

    /// Answers the pulls whose time is over and those that are to hear how far they are, and forgets those of closed connections.
    func check(now: MonotonicInstant) {
        nextCheckFrom = loop.now + max(Self.checkPausePerPull * table.count, .milliseconds(1))
        let (left, nextDeadline) = table.sweep(now: now) { pull in
            pull.nextOffset > pull.offset || loop.connection(pull.connection) == nil
        }
        for (queue, pull) in left {
            replyEmpty(to: pull)
            unlist(queue)
        }
        if let nextDeadline { setAlarm(min(nextDeadline, now + Self.checkInterval)) }
    }

    private func unlist(_ queue: BrokerQueue) {
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
