import RMQCommon
import RMQFilter
import RMQRemoting
import Synchronization

/// The filters that are expressions: what heartbeats say, what pulls ask, what bit maps are made of.
///
///     heartbeat ─► register ─► compiled ─► ConsumerFilters ─┬─► pulls, by loops that keep what they found until ``version`` moves
///     consumerFilter.json ─► load ─────────────┘            └─► bitmap(…), under the store's append lock
///
/// One lock, a leaf: the store asks for bit maps while it holds its append lock. Nothing is compiled or evaluated under it.
final class ConsumerFilterTable: Sendable {
    private struct State {
        var filters = ConsumerFilters()
        /// The newest store time of a message that got a bit map; the clock may have been set back since.
        var newestStamp: Int64 = 0
    }

    /// Where the bits of each filter lie.
    let bloom: BloomFilter
    private let state = Mutex(State())
    private let clock: WallClock
    private let log: ClientLog
    private let changes = Atomic<UInt64>(1)
    private let isUnsaved = Atomic<Bool>(false)
    /// So that heartbeats and messages need no lock where nobody uses expressions.
    private let count = Atomic<Int>(0)
    private let computesBitmaps: Atomic<Bool>

    init(_ configuration: BrokerConfiguration, logger: Logger, clocks: Clocks) {
        bloom = configuration.filterBloom
        computesBitmaps = Atomic(configuration.computesFilterBitmaps)
        clock = clocks.wall
        log = ClientLog(logger.with(.filter), clock: clocks.monotonic)
    }

    /// Moves on when a pull may be filtered otherwise.
    var version: UInt64 { changes.load(ordering: .acquiring) }

    subscript(topic topic: String, group group: String) -> ConsumerFilter? {
        count.load(ordering: .relaxed) == 0 ? nil : state.withLock { $0.filters[topic: topic, group: group] }
    }

    /// What a group wants of each topic.
    func filters(of group: String) -> [ConsumerFilter] { state.withLock { $0.filters.filters(of: group) } }

    // MARK: Registration

    /// Takes over what the heartbeat of a member says of its group.
    func register(group: String, _ subscriptions: ArraySlice<SubscriptionData>) {
        guard count.load(ordering: .relaxed) > 0 || subscriptions.contains(where: { !$0.isTag }) else { return }
        for subscription in subscriptions where !subscription.isTag && !subscription.expression.isEmpty { register(subscription, group) }
        die(group, exceptOf: Set(texts: subscriptions.lazy.map(\.topic)))
    }

    /// The last member of a group left.
    func unregister(group: String) {
        if count.load(ordering: .relaxed) > 0 { die(group, exceptOf: []) }
    }

    private func register(_ subscription: SubscriptionData, _ group: String) {
        switch state.withLock({ $0.filters.register(subscription, of: group) }) {
        case .known: return
        case .revived(let filter):
            log.info("Re alive consumer filter: \(filter)")
            changed()
        case .renewed: changed()
        case .isNew: compile(subscription, group)
        }
    }

    private func compile(_ subscription: SubscriptionData, _ group: String) {
        let expression: SQLExpression
        do throws(SQLExpressionError) {
            guard subscription.expressionType.isExactly(ConsumerFilter.type) else {
                return reject(subscription, group, because: "there are no filters of type \(subscription.expressionType.prefix(bytes: 64))")
            }
            expression = try SQLExpression(subscription.expression)
        } catch {
            return reject(subscription, group, because: "\(error)")
        }
        let positions = bloom.positions(of: ConsumerFilter.name(group: group, topic: subscription.topic))
        let (filter, isTaken) = state.withLock { state -> (ConsumerFilter?, isTaken: Bool) in
            // Another member's heartbeat may have come while this one was compiled.
            guard case .isNew = state.filters.register(subscription, of: group) else { return (nil, true) }
            // Under the lock: a message that was asked about before was stamped before, and one that is asked about later has its bits.
            let filter = ConsumerFilter(
                topic: subscription.topic, group: group, expression: expression, version: subscription.version,
                bornAt: max(clock.now(), state.newestStamp), positions: positions)
            let isTaken = state.filters.insert(filter)
            count.store(state.filters.count, ordering: .relaxed)
            return (filter, isTaken)
        }
        if let filter, isTaken { log.info("New consumer filter registered: \(filter)") }
        if let filter, !isTaken {
            log.warning(
                "the filter of \(filter) is left out: there may be \(ConsumerFilters.countLimit) of them, with \(ConsumerFilters.textBytesLimit) bytes")
        }
        changed()
    }

    /// Without a filter, pulls of the group are told that its expression may be wrong.
    private func reject(_ subscription: SubscriptionData, _ group: String, because reason: String) {
        let removed = state.withLock { state -> ConsumerFilter? in
            // Another member's heartbeat may have come meanwhile, with a newer one.
            guard case .isNew = state.filters.register(subscription, of: group) else { return nil }
            defer { count.store(state.filters.count, ordering: .relaxed) }
            return state.filters.remove(topic: subscription.topic, group: group)
        }
        log.warning(
            "parse error: expr=\(subscription.expression.prefix(bytes: 255)), topic=\(subscription.topic), group=\(group), error=\(reason)")
        if removed != nil { changed() }
    }

    private func die(_ group: String, exceptOf subscribed: Set<ByteText>) {
        let now = clock.now()
        let died = state.withLock { $0.filters.die(group: group, exceptOf: subscribed, now: now) }
        for filter in died { log.info("Unregister consumer filter: \(filter), deadTime: \(now)") }
        // Pulls are filtered as before, should there still be any.
        if !died.isEmpty { isUnsaved.store(true, ordering: .releasing) }
    }

    private func changed() {
        isUnsaved.store(true, ordering: .releasing)
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    // MARK: Bit maps

    /// Most bytes that the expressions of one topic have together which a message is asked about, under the store's append lock: some
    /// hundred groups, and some ten microseconds.
    static let evaluatedBytesLimit = 16 << 10

    /// The log that is opened has messages up to this time, which may have bit maps of an earlier run: a filter that comes now is younger,
    /// whatever the clock says.
    func begin(newestStamp: Int64) { state.withLock { $0.newestStamp = max($0.newestStamp, newestStamp) } }

    /// `enableCalcFilterBitMap`, which may change while the broker runs.
    func setComputesBitmaps(_ computes: Bool) { computesBitmaps.store(computes, ordering: .relaxed) }

    /// Which filters of its topic a message passes, dead ones too: their groups may come again. Nil when there are none, and when bit
    /// maps are off. Called under the store's append lock.
    func bitmap(topic: String, storeTimestamp: Int64, properties: UnsafeRawBufferPointer) -> [UInt8]? {
        guard computesBitmaps.load(ordering: .relaxed), count.load(ordering: .relaxed) > 0 else { return nil }
        let filters = state.withLock { state in
            state.newestStamp = max(state.newestStamp, storeTimestamp)
            return state.filters.topics[topic]
        }
        guard let filters else { return nil }
        var bits = BloomBits(bitCount: bloom.bitCount)
        var left = Self.evaluatedBytesLimit
        for filter in filters.values {
            left -= filter.expression.text.utf8.count
            // Bits that are set in vain cost a look at the record, and nothing else.
            if left < 0 || filter.expression.matches(properties) { bits.set(filter.positions) }
        }
        return bits.bytes
    }

    // MARK: The file

    /// Whether the file lacks something.
    var haveChanged: Bool { isUnsaved.load(ordering: .acquiring) }

    /// From here on, changes are for the next write.
    func takeChanges() { isUnsaved.store(false, ordering: .releasing) }

    var file: ConsumerFilterFile { ConsumerFilterFile(state.withLock { $0.filters.all }, bitCount: bloom.bitCount) }

    /// Takes over what an earlier run kept. All consumers count as gone half a minute ago, or at the birth of their filter.
    func load(_ filters: [ConsumerFilter]) {
        let died = clock.now() - 30_000
        state.withLock { state in
            for var filter in filters {
                if filter.diedAt == 0 { filter.diedAt = max(died, filter.bornAt) }
                _ = state.filters.insert(filter)
            }
            count.store(state.filters.count, ordering: .relaxed)
        }
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    /// Forgets filters whose groups have been gone for so long.
    func clean(deadFor span: Duration) {
        guard count.load(ordering: .relaxed) > 0 else { return }
        let now = clock.now()
        let gone = state.withLock { state in
            defer { count.store(state.filters.count, ordering: .relaxed) }
            return state.filters.clean(deadFor: span.milliseconds, now: now)
        }
        for filter in gone { log.info("Remove filter consumer \(filter), died too long!") }
        if !gone.isEmpty { changed() }
    }
}
