import RMQCommon
import RMQRemoting
import RMQStore

/// What one event loop keeps for itself: copies of shared tables keyed by bytes, scratch space, and the pulls it holds.
///
/// Used on its loop's thread only. Both ports of a broker share the state of a loop.
final class LoopState {
    let index: Int
    let loop: EventLoop
    let broker: BrokerState
    /// For messages of the broker itself, which are appended at once.
    let encoder: RecordEncoder
    let propertyScratch = PropertyScratch()
    private(set) lazy var storeHost = broker.storeHost
    private(set) lazy var storeHostWord = broker.storeHostWord
    private(set) var configuration: BrokerConfiguration
    /// `startAcceptSendTimestamp` and the write bit of `brokerPermission`, apart: a send must not copy the configuration.
    private(set) var acceptsSendsFrom: Int64
    private(set) var isWritable: Bool
    private(set) var sendTrailer: SendReplyTrailer
    /// `CLUSTER` and its value, as the broker adds it to every message.
    let addedProperties: UnsafeRawBufferPointer
    /// Whether the store promises more than that an appended message survives a kill -9.
    let promisesMore: Bool

    private var configurationVersion: UInt64 = 0
    private var topicsVersion: UInt64 = 0
    private var pullsVersion: UInt64 = 0
    private let topics = ByteKeyedCache<TopicRoute>()
    private let pulls = ByteKeyedCache<PullRoute>()
    private var randomState: UInt64

    private var offsetMovedFrom = MonotonicInstant(nanoseconds: 0)
    private var offsetMovedCount = 0

    let holds: PullHolds
    /// Sends of this wake-up that are not in the log yet.
    let staged: StagedSends
    /// Sends that wait for the store's promise.
    private(set) lazy var confirmations = SendConfirmations(
        loopIndex: index, loop: loop, store: broker.store, waitingLoops: broker.waitingSends
    ) { [unowned self] send, status in SendProcessor(state: self).answer(send, status) }
    /// Sends that wait for their topic to be written down.
    var newTopicSends = NewTopicSends()
    /// Queues appended to in this wake-up that other loops, by bit, hold pulls of.
    private var arrivals: [QueueState] = []

    init(index: Int, loop: EventLoop, broker: BrokerState) {
        self.index = index
        self.loop = loop
        self.broker = broker
        configuration = broker.live.current
        acceptsSendsFrom = configuration.startAcceptSendTimestamp
        isWritable = configuration.brokerPermission & Permission.write.rawValue != 0
        encoder = RecordEncoder(maxMessageBytes: configuration.maxMessageBytes)
        staged = StagedSends(store: broker.store, maxMessageBytes: configuration.maxMessageBytes)
        sendTrailer = SendReplyTrailer(region: configuration.regionId, traceOn: configuration.traceOn)
        let properties = Array("\(PropertyName.cluster)\u{1}\(configuration.brokerClusterName)".utf8)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: properties.count, alignment: 1)
        copy.copyBytes(from: properties)
        addedProperties = UnsafeRawBufferPointer(copy)
        promisesMore = broker.store.configuration.flush == .synchronous || broker.store.configuration.requiredReplicas > 0
        randomState = .random(in: 1 ... .max)
        holds = PullHolds(loopIndex: index, loop: loop, store: broker.store, workers: broker.readers)
        holds.offsetMoved = { [unowned self] pull, offset in offsetMoved(pull, to: offset) }
        holds.rulesVersion = { broker.pullRulesVersion }
        holds.queueNow = { (pull) throws(Refusal) in try broker.queueNow(of: pull) }
    }

    deinit { addedProperties.deallocate() }

    /// Counts one event, unless there were too many in this second.
    func mayRecordOffsetMoved() -> Bool {
        if loop.now - offsetMovedFrom >= .seconds(1) {
            offsetMovedFrom = loop.now
            offsetMovedCount = 0
        }
        offsetMovedCount += 1
        return offsetMovedCount <= Self.offsetMovedLimit
    }

    /// Takes over what others changed. Once per request; four loads when nothing did.
    func refresh() {
        let configurationVersion = broker.live.version
        if configurationVersion != self.configurationVersion {
            self.configurationVersion = configurationVersion
            configuration = broker.live.current
            acceptsSendsFrom = configuration.startAcceptSendTimestamp
            isWritable = configuration.brokerPermission & Permission.write.rawValue != 0
            sendTrailer = SendReplyTrailer(region: configuration.regionId, traceOn: configuration.traceOn)
        }
        let topicsVersion = broker.topics.version
        if topicsVersion != self.topicsVersion {
            self.topicsVersion = topicsVersion
            topics.removeAll()
        }
        // Each only grows, so the sum is the same only if none moved.
        let pullsVersion = topicsVersion &+ broker.groups.version &+ broker.consumers.version &+ broker.offsets.version
        if pullsVersion != self.pullsVersion {
            self.pullsVersion = pullsVersion
            pulls.removeAll()
        }
    }

    // MARK: Look-ups

    /// The topic of that name, if it exists.
    func topic(_ name: UnsafeRawBufferPointer) -> TopicRoute? {
        if let route = topics.value(name) { return route }
        guard let entry = broker.topics[String(decoding: name, as: UTF8.self)] else { return nil }
        let route = TopicRoute(entry, store: broker.store)
        topics.insert(route, name)
        return route
    }

    func pull(group: UnsafeRawBufferPointer, topic: UnsafeRawBufferPointer) -> PullRoute? { pulls.value(group, topic) }

    func remember(_ route: PullRoute, group: UnsafeRawBufferPointer, topic: UnsafeRawBufferPointer) {
        pulls.insert(route, group, topic)
    }

    /// A number that spreads messages over queues; nothing depends on its being unpredictable.
    func nextRandom(below bound: Int32) -> Int32 {
        randomState ^= randomState << 13
        randomState ^= randomState >> 7
        randomState ^= randomState << 17
        return Int32(truncatingIfNeeded: randomState % UInt64(max(bound, 1)))
    }

    // MARK: The end of a wake-up

    /// Appends the sends of this wake-up, answers those that need not wait, and wakes the pulls that they are for.
    func wakeUpEnded() {
        appendStaged()
        if promisesMore { confirmations.answerConfirmed() }
        wakePulls()
    }

    /// Appends what is staged, and answers it.
    func appendStaged() {
        let sends = SendProcessor(state: self)
        staged.append { send, outcome in sends.finish(send, outcome) }
    }

    // MARK: Answers that had to wait

    /// Topics were written: answers the sends that waited for that, or lets them wait for the store.
    func topicsSaved() {
        for waiting in newTopicSends.takeSaved() {
            if let end = waiting.promisedEnd {
                confirmations.add(waiting.send, end: end)
            } else {
                SendProcessor(state: self).answer(waiting.send, .ok)
            }
        }
        if promisesMore { confirmations.answerConfirmed() }
    }

    // MARK: Arrivals

    /// A message was appended to `queue`; whoever waits for it is woken at the end of this wake-up. A pull that comes between
    /// finds the message; one that came before it was appended is listed in `queue.waiting` by now.
    ///
    /// Where a message becomes readable later than that, the store says when (``BrokerState/messagesDelivered(topic:queueId:)``).
    func messageArrived(_ queue: QueueState) {
        guard queue.waiting != 0, arrivals.last !== queue else { return }
        arrivals.append(queue)
    }

    /// Wakes the pulls that this wake-up's appends are for: own ones directly, those of another loop by one message to it.
    private func wakePulls() {
        guard !arrivals.isEmpty else { return }
        let queues = arrivals
        arrivals.removeAll(keepingCapacity: true)
        var others: UInt64 = 0
        for queue in queues {
            let waiting = queue.waiting
            others |= waiting & ~(1 << UInt64(index))
            if waiting & (1 << UInt64(index)) != 0 { holds.wake(queue) }
        }
        guard others != 0 else { return }
        for (index, bound) in broker.loops.enumerated() where others & (1 << UInt64(index)) != 0 {
            let theirs = queues.filter { $0.waiting & (1 << UInt64(index)) != 0 }
            bound.post { state in
                for queue in theirs { state.holds.wake(queue) }
            }
        }
    }
}

/// A topic as a loop keeps it: its configuration, and its queues as far as they were used.
final class TopicRoute {
    let name: String
    let config: TopicConfig
    /// Why no client may send to it: only the broker itself does, or a group of any characters made it as its retry topic.
    let sendRefusal: Refusal?
    let retryGroup: String?
    let entry: TopicEntry
    /// Whether topics.json holds the topic, as last seen; ask ``isSaved``.
    private var wasSaved = false
    private let store: MessageStore
    private var queues: [QueueState?]

    init(_ entry: TopicEntry, store: MessageStore) {
        name = entry.config.topicName
        config = entry.config
        sendRefusal = .sending(to: name)
        retryGroup = RetryTopic.group(of: name)
        self.entry = entry
        self.store = store
        queues = Array(repeating: nil, count: min(max(Int(entry.queueCount), 0), Int(TopicLimit.queues)))
    }

    /// Whether topics.json holds the topic. Once true it stays so, and costs nothing any more.
    var isSaved: Bool {
        if !wasSaved { wasSaved = entry.isSaved }
        return wasSaved
    }

    /// A queue that the topic's configuration allows.
    func queue(_ queueId: Int32) -> QueueState {
        let index = Int(queueId)
        guard queues.indices.contains(index) else { return entry.queues.state(queueId, of: name, in: store) }
        if let state = queues[index] { return state }
        let state = entry.queues.state(queueId, of: name, in: store)
        queues[index] = state
        return state
    }
}
