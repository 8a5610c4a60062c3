import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// What all loops and tasks of one broker share. Every part guards itself; their locks are leaves but where a type says otherwise.
final class BrokerState: Sendable {
    let live: LiveConfiguration
    let topics: TopicTable
    let groups: GroupTable
    let offsets: ConsumerOffsets
    let consumers = ConsumerTable()
    let producers = ProducerTable()
    let locks = QueueLocks()
    let rates = RateSamples()
    let consumeRates = ConsumeRates()
    let store: MessageStore
    let files: ConfigurationFiles
    let logger: Logger
    let clocks: Clocks
    /// The `-c` file, which a change over the wire is written back to; nil when there is none.
    let configurationFile: ConfigurationFile?
    /// In milliseconds since 1970, as it is shown.
    let startedAt: Int64
    let started: MonotonicInstant
    let waitingSends = WaitingLoops()
    /// Reads what pulls want from the disk. A disk is not faster for more at once.
    let readers = WorkerPool(name: "read", threadLimit: 4, queueLimit: 4_096)
    /// Answers the requests of administrators and tools: each may read many files.
    let administrators = WorkerPool(name: "admin", threadLimit: 4, queueLimit: 256)

    /// One per loop; set once before the servers start.
    private let loopStates = Mutex<[LoopBound<LoopState>]>([])
    private let host = Mutex(HostAddress(ipv4: (127, 0, 0, 1), port: 0))
    private let currentRegistration = Mutex<NameServerRegistration?>(nil)

    init(configuration: BrokerConfiguration, configurationFile: String?, store: MessageStore, logger: Logger, clocks: Clocks) {
        live = LiveConfiguration(configuration, clock: clocks.wall)
        topics = TopicTable(configuration: configuration, clock: clocks.wall)
        groups = GroupTable(clock: clocks.wall)
        offsets = ConsumerOffsets(separatesLightGroups: configuration.lightQueues)
        self.store = store
        self.logger = logger
        self.clocks = clocks
        self.configurationFile = configurationFile.map { ConfigurationFile(path: $0) }
        startedAt = clocks.wall.now()
        started = clocks.monotonic.now()
        files = ConfigurationFiles(
            directory: configuration.configDirectory, topics: topics, groups: groups, offsets: offsets,
            hasLightQueues: configuration.lightQueues, logger: logger)
        files.setTopicsSavedListener { [weak self] in self?.topicsSaved() }
    }

    var loops: [LoopBound<LoopState>] {
        get { loopStates.withLock { $0 } }
        set { loopStates.withLock { $0 = newValue } }
    }

    /// The address in the records and ids of this broker's messages, which is also what clients connect to.
    var storeHost: HostAddress {
        get { host.withLock { $0 } }
        set { host.withLock { $0 = newValue } }
    }

    var registration: NameServerRegistration? {
        get { currentRegistration.withLock { $0 } }
        set { currentRegistration.withLock { $0 = newValue } }
    }

    // MARK: Tables that change by use

    /// What a topic would be like that a send makes after `template`; nil when that does not allow it.
    func templateConfig(topic: String, template: String, queues: Int32, isUnit: Bool) -> TopicConfig? {
        if let entry = topics[template], !template.isExactly(SystemTopic.autoCreate) || live.current.autoCreateTopic, entry.config.permission.isInherited {
            let count = max(0, min(queues, entry.config.writeQueueCount))
            return TopicConfig(
                topicName: topic, readQueueCount: count, writeQueueCount: count, permission: entry.config.permission.subtracting(.inherit),
                filterType: entry.config.filterType, systemFlag: isUnit ? (RetryTopic.isRetry(topic) ? 2 : 1) : 0)
        }
        guard RetryTopic.isRetry(topic) else { return nil }
        return TopicConfig(topicName: topic, readQueueCount: 1, writeQueueCount: 1, systemFlag: isUnit ? 2 : 0)
    }

    /// The group of that name, made when groups may be made by use; nil otherwise, or when the name is too long for one.
    func group(_ name: String) -> SubscriptionGroupConfig? {
        if let config = groups[name] { return config }
        guard live.current.autoCreateSubscriptionGroup || SystemGroup.isSystem(name), ClientLimit.allows(group: name) else { return nil }
        let (config, isNew) = groups.add(SubscriptionGroupConfig(groupName: name))
        if isNew {
            logger.info("created subscription group \(name)")
            files.later(.groups)
        }
        return config
    }

    /// Persists the topics and tells the name servers, both soon and elsewhere.
    func topicsChanged() {
        files.later(.topics)
        registration?.registerSoon()
    }

    /// Tells all members of a group that its members or subscriptions changed, so that they divide the queues anew.
    func notifyMembers(of group: String, unlessGroupIsSilent: Bool) {
        guard live.current.notifyConsumerIdsChanged else { return }
        if unlessGroupIsSilent, groups[group]?.notifiesConsumerIdsChanged == false { return }
        guard let members = consumers[group]?.channels.values else { return }
        let notice = RemotingCommand(.notifyConsumerIdsChanged, header: ConsumerGroupHeader(consumerGroup: group))
        for member in members { member.connection.sendOneway(notice) }
    }

    /// Topics were written down: lets the loops answer that have sends waiting for it.
    func topicsSaved() {
        for bound in loops { bound.post { $0.topicsSaved() } }
    }

    /// The store has confirmed more: lets the loops answer that have sends waiting for it.
    func sendsConfirmed() {
        let waiting = waitingSends.takeAll()
        guard waiting != 0 else { return }
        for (index, bound) in loops.enumerated() where waiting & (1 << UInt64(index)) != 0 {
            bound.post { $0.confirmations.answerConfirmed() }
        }
    }

    /// The store appended to a queue by itself, or made readable what was appended before: wakes the loops that hold pulls of it.
    func messagesDelivered(topic: String, queueId: Int32) {
        guard let entry = topics[topic], queueId >= 0, queueId < entry.queueCount else { return }
        let queue = entry.queues.state(queueId, of: topic, in: store)
        let waiting = queue.waiting
        guard waiting != 0 else { return }
        for (index, bound) in loops.enumerated() where waiting & (1 << UInt64(index)) != 0 {
            bound.post { $0.holds.wake(queue) }
        }
    }

    // MARK: Work now and then

    /// Every ten seconds: takes samples of what was done, and forgets clients that are silent.
    func sampleAndExpire() {
        let now = clocks.monotonic.now()
        consumeRates.add(offsets.all, now: now)
        rates.add(store.statistics, now: now, day: CalendarTime.dayNumber(of: clocks.wall.now()))
        producers.expire(now: now)
        for group in consumers.expire(now: now) { notifyMembers(of: group, unlessGroupIsSilent: false) }
    }

    /// Lets no further work begin elsewhere, and waits for what has begun: it uses the store.
    func stopWorkers() {
        administrators.stop()
        readers.stop()
    }

    /// The store host as a message id writes it: address and port.
    var storeHostWord: UInt64 {
        let host = storeHost
        return host.ip.reduce(0) { $0 << 8 | UInt64($1) } << 32 | UInt64(host.port)
    }
}
