import RMQCommon
import RMQRemoting
import RMQStore

/// The parts of a broker that each event loop has for itself. Both ports of a broker share those of a loop.
///
/// Used on its loop's thread only; other threads hold a ``LoopBound``.
final class LoopState: WakeUpObserver {
    let loop: EventLoop
    let broker: BrokerState
    let settings: LoopSettings
    let statistics: LoopStatistics
    let routes: RouteCache
    let writer: MessageWriter
    let answers: WriteAnswers
    let holds: PullHolds
    let transactions: TransactionWrites
    /// Asked before every request; nil: everybody may do everything.
    let access: (any LoopAccess)?
    /// ``BrokerState/pullRulesVersion`` from before anything was looked up for this request: what changes behind that is looked at once more
    /// when a pull is held.
    private(set) var pullRulesVersion: UInt64 = 0
    private let arrivals: Arrivals
    private let offsetMovedEvents: OffsetMovedEvents

    init(index: Int, loop: EventLoop, broker: BrokerState) {
        self.loop = loop
        self.broker = broker
        access = broker.accessControl?.forLoop()
        settings = LoopSettings(broker.live) { broker.storeHost }
        statistics = LoopStatistics(
            broker.statistics, loop: index, levelCount: settings.configuration.store.delayLevelMilliseconds.count,
            keepsFalls: settings.configuration.keepsFalls)
        routes = RouteCache(broker, statistics: statistics)
        holds = PullHolds(loopIndex: index, loop: loop, store: broker.store, workers: broker.workers.readers)
        arrivals = Arrivals(loopIndex: index, holds: holds, loops: broker.loops)
        answers = WriteAnswers(loop: loop, settings: settings)
        writer = MessageWriter(
            loopIndex: index, loop: loop, broker: broker, settings: settings, arrivals: arrivals, answers: answers,
            statistics: statistics)
        transactions = TransactionWrites(loop: loop, broker: broker, settings: settings, routes: routes, writer: writer)
        offsetMovedEvents = OffsetMovedEvents(loop: loop, broker: broker, settings: settings, routes: routes, writer: writer)
        holds.offsetMoved = { [unowned offsetMovedEvents] pull, offset in offsetMovedEvents.record(pull, movedTo: offset) }
        holds.keepsOffsets = { [unowned settings] in broker.store.role == .replica && !settings.configuration.replication.checksOffsetsOnSlave }
        holds.patience = { [unowned settings] in settings.patience.pulls }
        holds.slowGroups = broker.slowGroups
        holds.rulesVersion = { broker.pullRulesVersion }
        holds.slowGroupBytes = settings.configuration.slowGroupLimit
        holds.isFilterCurrent = { $0.isCurrent(in: broker.filters) }
        holds.queueNow = { (pull) throws(Refusal) in try broker.queueNow(of: pull) }
    }

    /// Takes over what others changed. Once per request.
    func refresh() {
        pullRulesVersion = broker.pullRulesVersion
        if settings.refresh() { settingsChanged() }
        routes.refresh()
    }

    private func settingsChanged() {
        writer.settingsChanged()
        holds.slowGroupBytes = settings.configuration.slowGroupLimit
        statistics.keepsFalls = settings.configuration.keepsFalls
    }

    /// Appends the messages of this wake-up, answers those that need not wait, and wakes the pulls that they are for.
    ///
    /// The loop calls it; so do its ports, of which one that closes still answers what it brought in the same wake-up.
    func wakeUpEnded() {
        writer.wakeUpEnded()
        arrivals.wakePulls()
        // An answer may have written an event. The next wake-up appends it, and follows at once.
        if writer.isStaging { loop.deferToEnd {} }
    }
}
