import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// One round through the half messages: passes over those that are finished, and asks the producers of those that should be.
///
///     half queue   ✓ ✓ ? ✓ ? ?      ✓ finished   ? not
///                  └─┘ │
///                      └► asked about: stored once more at the queue's end, and left behind here
///     op queue     the op records of what is left behind are left behind as well
///
/// Only what was in the queue when the round began is looked at. Blocks; not on a loop.
struct TransactionCheck {
    /// A round that takes longer goes on in the next one.
    static let longest: Duration = .seconds(60)
    /// Half messages that are read, and stored once more, at once.
    private static let pageCount = 32
    /// How long those may take to be stored.
    private static let storeLimit: Duration = .seconds(30)

    let broker: BrokerState
    /// Asked again and again whether the round should end early.
    let isStopping: () -> Bool

    private var transactions: Transactions { broker.transactions }

    /// What was done, for the log.
    struct Outcome: Equatable {
        /// How far the half messages are looked through.
        var half: Int64 = 0
        /// How far the op records are left behind.
        var op: Int64 = 0
        var asked = 0
        var postponed = 0
        var givenUp = 0
        /// Asked, and no producer of the group was there.
        var unheard = 0
    }

    /// - Returns: nil when there was nothing to look at.
    func run() -> Outcome? {
        guard broker.store.role == .master else { return nil }
        transactions.load()
        guard let queue = transactions.halfQueue else { return nil }
        broker.addTransactionTopics()
        let deadline = broker.clocks.monotonic.now() + Self.longest
        // Once another broker is the master, how far the check is, is for that one to say.
        let epoch = broker.store.epoch
        let isOver = { isStopping() || broker.clocks.monotonic.now() >= deadline || broker.store.epoch != epoch }
        var outcome = Outcome()
        let start = transactions.progress(in: queue)
        outcome.half = sweepHalves(of: queue, from: start, &outcome, isOver)
        // Not beyond the round before: a transaction of which this round stored a copy may have ended by its first record meanwhile, and
        // after a restart nothing but the op record would tell.
        outcome.op = sweepOps(below: start, isOver)
        if outcome.asked + outcome.postponed + outcome.givenUp > 0 {
            transactions.logger.info(
                "half messages \(start) to \(outcome.half) checked: \(outcome.asked) asked about, \(outcome.unheard) of them without a producer, "
                    + "\(outcome.postponed) still immune, \(outcome.givenUp) given up; op records up to \(outcome.op) swept")
        }
        return outcome
    }

    // MARK: Half messages

    private func sweepHalves(of queue: ConsumeQueue, from start: Int64, _ outcome: inout Outcome, _ isOver: () -> Bool) -> Int64 {
        let end = queue.maxOffset
        var offset = start
        var result = ReadResult()
        while offset < end, !isOver() {
            let next = transactions.firstUnfinished(in: offset..<min(end, offset + Transactions.scanLimit))
            if next > offset {
                offset = next
                transactions.sweep(to: offset)
                continue
            }
            broker.store.read(queue, offset: offset, maxCount: Int(min(Int64(Self.pageCount), end - offset)), into: &result)
            guard result.nextOffset > offset else {
                transactions.logger.warning("half message \(offset) cannot be read now: \(result.status.name)")
                break
            }
            if result.messageCount == 0 {
                transactions.logger.warning("half messages \(offset) to \(result.nextOffset) are gone: \(result.status.name)")
            }
            let reached = settle(result, &outcome)
            offset = min(reached ?? result.nextOffset, end)
            transactions.sweep(to: offset)
            if reached != nil { break }
        }
        return offset
    }

    /// - Returns: where the sweep ends; nil to go on behind what was read.
    private func settle(_ page: ReadResult, _ outcome: inout Outcome) -> Int64? {
        let live = broker.live.current
        let rules = CheckRules(
            now: broker.clocks.wall.now(), timeout: live.transactionTimeoutMilliseconds, mostChecks: live.transactionCheckMax,
            mostAge: live.store.retention.reservedTime.milliseconds)
        var copies: [Copy] = []
        var end: Int64?
        for record in page.chunks.lazy.flatMap({ RecordsInChunk($0.bytes) }) {
            guard let half = HalfMessage(record), !transactions.isFinished(half) else { continue }
            let verdict = rules.verdict(half)
            if verdict == .isYoung {
                end = half.fields.queueOffset
                break
            }
            copies.append(Copy(half, record, verdict))
        }
        let stored = store(copies)
        for (copy, stored) in zip(copies, stored) {
            switch stored {
            case .at(let place): settled(copy, place, &outcome)
            case .never(let reason):
                outcome.givenUp += 1
                transactions.logger.error("half message \(copy.offset) is passed over, since it cannot be stored once more: \(reason)")
            // All before are stored. This one comes again in the next round, and so do those behind it.
            case .notNow: return copy.offset
            }
        }
        return end
    }

    /// A half message that is to be stored once more.
    private struct Copy {
        let offset: Int64
        let verdict: HalfVerdict
        let message: OwnedMessage
        /// Of one whose producer is to be asked.
        let question: TransactionQuestion?

        init(_ half: HalfMessage, _ record: UnsafeRawBufferPointer, _ verdict: HalfVerdict) {
            offset = half.fields.queueOffset
            self.verdict = verdict
            switch verdict {
            case .ask(let times):
                message = half.copy(checkTimes: times)
                question = TransactionQuestion(half, record, storedAs: message)
            case .isImmune, .isYoung:
                message = half.copy(checkTimes: nil)
                question = nil
            case .giveUp:
                message = half.givenUp
                question = nil
            }
        }
    }

    private typealias Place = (queueOffset: Int64, physicalOffset: Int64)

    /// What became of a copy.
    private enum Stored {
        case at(Place)
        case notNow
        /// For what it is: with the properties of a copy it is too long for a record, say.
        case never(String)
    }

    private func store(_ copies: [Copy]) -> [Stored] {
        guard !copies.isEmpty else { return [] }
        if copies.contains(where: { if case .giveUp = $0.verdict { true } else { false } }) { broker.addOwnTopic(SystemTopic.transactionCheckExceeded) }
        let results = Mutex([Stored](repeating: .notNow, count: copies.count))
        let done = Latch(opens: copies.count)
        let logger = transactions.logger
        for (index, copy) in copies.enumerated() {
            broker.loops.write(copy.message) { outcome in
                switch outcome {
                case .stored(let message, _): results.withLock { $0[index] = .at((message.result.queueOffset, message.result.physicalOffset)) }
                case .failed(let refusal) where refusal.code == .messageIllegal: results.withLock { $0[index] = .never(refusal.remark) }
                case .failed(let refusal): logger.warning("half message \(copy.offset) is not stored once more: \(refusal.remark)")
                }
                done.open()
            }
        }
        done.wait(for: Self.storeLimit)
        return results.withLock { $0 }
    }

    private func settled(_ copy: Copy, _ place: Place, _ outcome: inout Outcome) {
        switch copy.verdict {
        case .ask:
            outcome.asked += 1
            if copy.question?.ask(place.queueOffset, at: place.physicalOffset, broker) == false { outcome.unheard += 1 }
        case .isImmune, .isYoung:
            outcome.postponed += 1
        case .giveUp(let reason):
            outcome.givenUp += 1
            transactions.logger.error(
                "half message \(copy.offset) is given up (\(reason)): it is kept as message \(place.queueOffset) of \(SystemTopic.transactionCheckExceeded)")
        }
    }

    // MARK: Op records

    /// Leaves behind the op records of half messages that are left behind, as far as they follow each other.
    private func sweepOps(below half: Int64, _ isOver: () -> Bool) -> Int64 {
        guard let queue = transactions.opQueue else { return 0 }
        var swept = transactions.progress(in: queue)
        var ops = OpRecords(broker.store, queue, from: swept)
        while !isOver(), let op = ops.next(), op.half.map({ $0 < half }) ?? true { swept = op.next }
        transactions.sweepOps(to: swept)
        return swept
    }
}
