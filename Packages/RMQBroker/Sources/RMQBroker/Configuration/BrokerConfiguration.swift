import Glibc
public import RMQACL
public import RMQCommon
import RMQFilter
public import RMQRemoting
public import RMQStore

/// What one broker is told to be: the properties, and below them the row of each key.
///
/// What listener and store are told has its rows beside it: `ListenerConfiguration`, `StoreConfiguration`.
public struct BrokerConfiguration: Sendable, Equatable {
    // MARK: who it is

    /// The name of this broker, which its replicas share.
    public var brokerName = "broker-a"
    /// The cluster that it belongs to.
    public var brokerClusterName = "DefaultCluster"
    /// 0 is the master of its name; slaves have greater ones, each its own.
    public var brokerId: Int64 = 0
    /// Whether it is a master or a slave when it starts.
    public var role = BrokerRole.asyncMaster
    /// `MSG_REGION` of sent messages.
    public var regionId = "DefaultRegion"

    // MARK: where it is reached

    /// With the main port; the fast one is two below it. With port 0 the system chooses both.
    public var listener = ListenerConfiguration(port: 10911)
    /// The address or host name given to clients; its address is the store host of messages. Empty means that of ``listener``,
    /// or loopback when that is a wildcard.
    public var brokerIP1 = ""
    /// The address advertised for replication; empty means ``brokerIP1``.
    public var brokerIP2 = ""
    /// Name servers as `host:port`.
    public var nameServers: [String] = []
    /// Event loops; 0 means one per processor.
    public var eventLoops = 0

    // MARK: access control

    /// Whether requests need an account.
    public var access = AccessConfiguration()
    /// Where the distribution is installed, with the accounts in its folder `conf`; empty means that nobody said.
    public var rocketmqHome = ""

    // MARK: topics and groups

    /// Permission bits of the whole broker: 4 read, 2 write.
    public var brokerPermission: Int32 = 6
    /// The most queues of a topic that its first message makes.
    public var defaultTopicQueues: Int32 = 8
    /// Whether the first message to a topic makes it.
    public var autoCreateTopic = true
    /// Whether clients may read and write the topic that is called as the cluster.
    public var clusterTopic = true
    /// Whether clients may read and write the topic that is called as the broker.
    public var brokerTopic = true
    /// Whether a group exists as soon as a consumer names it.
    public var autoCreateSubscriptionGroup = true
    /// The most groups that exist because clients named them, and the most of consumers and of producers that are connected.
    public var maxGroups = 100_000
    /// The most topics that exist before use makes no more of them.
    public var maxTopics = 200_000
    /// The topic for traces, which the broker makes if ``traceTopic`` says so.
    public var traceTopicName = "RMQ_SYS_TRACE_TOPIC"
    /// Whether the broker makes the topic for traces.
    public var traceTopic = false

    // MARK: serving

    /// Whether a pull that finds nothing waits as long as its consumer asks.
    public var longPolling = true
    /// How long it waits otherwise.
    public var shortPollingMilliseconds: Int64 = 1_000
    /// Whether consumers are told when their group changes.
    public var notifyConsumerIdsChanged = true
    /// How long a queue that a client locked stays locked when the client does not ask for it again.
    public var lockLifetime: Duration = .seconds(60)
    /// Whether replies are stored as well as pushed to the client that asked.
    public var storeReplyMessage = true
    /// Sends before this time (milliseconds since 1970) are refused.
    public var startAcceptSendTimestamp: Int64 = 0
    /// `TRACE_ON` of sent messages.
    public var traceOn = true
    /// Whether a request that waited too long for its turn is refused.
    public var fastFailure = true
    /// How long sends and messages that consumers give back may wait.
    public var sendWaitMilliseconds: Int64 = 200
    /// How long pulls may wait.
    public var pullWaitMilliseconds: Int64 = 5_000
    /// How long heartbeats may wait.
    public var heartbeatWaitMilliseconds: Int64 = 31_000
    /// How long commits and rollbacks of transactions may wait.
    public var transactionWaitMilliseconds: Int64 = 3_000
    /// Whether groups are advised to read from a replica.
    public var slaveRead = false
    /// Whether a group that is further behind than ``slowGroupBytes`` may consume no more.
    public var shutsOutSlowGroups = false
    /// How far behind a group may be, in bytes of the log.
    public var slowGroupBytes: Int64 = 16 << 30
    /// The most messages that a query by unique id returns.
    public var uniqueIdQueryCount: Int32 = 32

    // MARK: filters

    /// Whether consumers may filter by SQL92 expressions.
    public var filtersByExpression = false
    /// Whether the expression of the real topic also filters what a group consumes again.
    public var filtersRetries = false
    /// Whether messages get bit maps of the filters that they pass, where consume queues have extensions.
    public var computesFilterBitmaps = false
    /// For how many groups of a topic bit maps are laid out.
    public var expectedFilters = 32
    /// How many of a hundred unwanted messages a bit map may let through.
    public var filterErrorPercent = 20
    /// How long a filter is kept whose group is gone.
    public var deadFilterLifetime: Duration = .seconds(86_400)

    // MARK: transactions

    /// Whether messages of transactions are refused.
    public var rejectsTransactions = false
    /// How long a producer has for its transaction before it is first asked about it.
    public var transactionTimeoutMilliseconds: Int64 = 6_000
    /// How often it is asked about one.
    public var transactionCheckMax: Int32 = 15
    /// How often the broker looks for transactions that it has to ask about.
    public var transactionCheckMilliseconds: Int64 = 60_000

    // MARK: logs and statistics

    /// Whether `mqbroker` logs to a folder of the broker's name and id, for several on one machine.
    public var isolatesLogs = false
    /// What is logged.
    public var logVerbosity = LogVerbosity()

    /// Whether delayed messages are counted by queue, and what pulls take too.
    public var detailedStatistics = true
    /// Whether what was counted of a topic or a group is forgotten when it is deleted.
    public var deletesUnusedStatistics = false
    /// Whether deliveries of delayed messages are counted.
    public var countsDeliveries = true
    /// Whether it is kept how far each group is behind.
    public var keepsFalls = true

    // MARK: periodic work

    /// How often silent clients are looked for. Tests that turn the clock by hand look never.
    var clientScanInterval: Duration = .seconds(10)
    /// How often consumer offsets are written to their file.
    public var persistOffsetsMilliseconds: Int64 = 5_000
    /// How often the name servers are told what the broker holds; kept within 10 s and 60 s.
    public var registerPeriodMilliseconds: Int64 = 30_000
    /// How long a name server may take to answer a registration.
    public var registerTimeoutMilliseconds: Int64 = 6_000
    /// Whether the name servers are told each time, whether or not they know it already.
    public var forcesRegistration = true
    /// Whether registrations are compressed.
    public var compressedRegister = false

    // MARK: replication and the store

    /// How slaves get the log.
    public var replication = ReplicationConfiguration()
    /// Where and how messages are kept.
    public var store = StoreConfiguration(rootDirectory: "store")

    public init() {}

    /// The address clients are told to connect to.
    public var advertisedAddress: String {
        if !brokerIP1.isEmpty { return brokerIP1 }
        switch ByteText(listener.bindAddress) {
        case "0.0.0.0", "": return "127.0.0.1"
        case "::": return "::1"
        default: return listener.bindAddress
        }
    }

    /// Event loops that a broker with this configuration runs: what is configured, or one per processor. A loop is one bit of
    /// the words that say who waits for what, so 64 at most.
    var eventLoopCount: Int { eventLoops > 0 ? eventLoops : min(64, Self.processorCount) }

    static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// The directory of topics.json and its siblings.
    public var configDirectory: String { store.rootDirectory + "/config" }
}

extension BrokerConfiguration {
    /// Every key, those included that this broker does not act on.
    public static let settings = SettingTable(
        program: "broker", defaults: BrokerConfiguration(),
        [
            .init("Broker", identity + access + topicsAndGroups + serving + filters + transactions + statistics + ownWithoutEffect),
            .init("Network", listening + networkWithoutEffect),
            .init("Replication", ReplicationConfiguration.settings.map { $0.at(\.replication) } + ReplicationConfiguration.storeSettings + replicationWithoutEffect),
            .init("Store", StoreConfiguration.settings.all.map { $0.at(\.store) } + storeWithoutEffect),
        ])

    private static let identity: [Setting<Self>] = [
        Setting<Self>.name("brokerName", \.brokerName, important: true, "The name of this broker, which its replicas share.")
            .defaulting(to: "the name of the host"),
        .name("brokerClusterName", \.brokerClusterName, important: true, "The cluster that it belongs to."),
        .number(
            "brokerId", \.brokerId, 0...Int64.max, takesEffect: .never, onBadValue: .stopsTheStart, important: true,
            "The number in its broker set: greater than 0 for a slave, each its own; a master has 0, whatever is said here."),
        .choice(
            "brokerRole", \.role, important: true,
            "Whether it takes messages from producers, and whether it waits for a slave to have them (`SYNC_MASTER`); or copies a master's log (`SLAVE`)."),
        .word("regionId", \.regionId, "`MSG_REGION` of sent messages, for traces."),
        Setting<Self>.host("brokerIP1", \.brokerIP1, mayBeEmpty: true, important: true, "The address or host name that clients are given.")
            .defaulting(to: "`bindAddress`, or loopback when that is a wildcard"),
        Setting<Self>.host("brokerIP2", \.brokerIP2, mayBeEmpty: true, important: true, "The address that replicas are given.")
            .defaulting(to: "`brokerIP1`"),
        Setting<Self>.text(
            "namesrvAddr", \.nameServers, allowed: NameServerList.allowed, important: true, "The name servers; `-n` counts before it.",
            parse: { text in
                let addresses = NameServerList.parse(text)
                return addresses.allSatisfy(NameServerList.isAddress) ? addresses : nil
            }, print: { $0.joined(separator: ";") }
        ).defaulting(to: "`NAMESRV_ADDR` of the environment"),
    ]

    private static let access: [Setting<Self>] =
        AccessConfiguration.switches(
            on: "Whether every request needs an account: `conf/plain_acl.yml` and the files in `conf/acl` of `rocketmqHome` say who may do what.",
            required: "With `aclEnable`: whether requests from white-listed addresses have to be signed too; a key of this project."
        ).map { $0.at(\.access) } + [
            Setting<Self>.text(
                "rocketmqHome", \.rocketmqHome, allowed: "a path",
                "Where the distribution is installed; the accounts are in its folder `conf`, and in `conf/tools.yml` the one by which the broker registers.",
                parse: { $0 }, print: { $0 }
            ).defaulting(to: "`ROCKETMQ_HOME` of the environment"),
            AccessConfiguration.fileSetting.at(\.access),
        ]

    private static let listening: [Setting<Self>] = [
        ListenerConfiguration.addressSetting.at(\.listener),
        // The fast port is two below it, that of replication one above.
        ListenerConfiguration.portSetting(upTo: 65_532).at(\.listener),
        .number("eventLoops", \.eventLoops, 0...64, "Threads that serve the connections; 0 means one per processor. A key of this project."),
        ListenerConfiguration.idleSetting.at(\.listener),
        ListenerConfiguration.remoteUpdateSetting.at(\.listener),
        ListenerConfiguration.remoteAdministrationSetting.at(\.listener),
    ] + ListenerConfiguration.tlsSettings.map { $0.at(\.listener) }

    private static let topicsAndGroups: [Setting<Self>] = [
        .number(
            "brokerPermission", \.brokerPermission, 0...7, takesEffect: .atOnce, onBadValue: .stopsTheStart, important: true,
            "What the whole broker lets clients do: 4 read, 2 write; without 2, sends to ordered topics are refused, as at RocketMQ."),
        .number("defaultTopicQueueNums", \.defaultTopicQueues, 1...1_024, "The most queues of a topic that its first message makes."),
        .flag("autoCreateTopicEnable", \.autoCreateTopic, takesEffect: .atOnce, important: true, "Whether the first message to a topic makes it."),
        .flag("clusterTopicEnable", \.clusterTopic, "Whether clients may read and write the topic that is called as the cluster."),
        .flag("brokerTopicEnable", \.brokerTopic, "Whether clients may read and write the topic that is called as the broker."),
        .flag(
            "autoCreateSubscriptionGroup", \.autoCreateSubscriptionGroup, takesEffect: .atOnce, important: true,
            "Whether a group exists as soon as a consumer names it."),
        .number(
            "maxGroups", \.maxGroups, 1...10_000_000, takesEffect: .atOnce,
            "The most groups that are made because a client names them, and the most of consumers and of producers that are connected at once; a command may make more. A key of this project."),
        .number(
            "maxTopics", \.maxTopics, 1...10_000_000, takesEffect: .atOnce,
            "The most topics that are made by a message or for a group's retries; a command may make more. A key of this project."),
        .name("msgTraceTopicName", \.traceTopicName, important: true, "The topic that the broker makes for traces."),
        .flag("traceTopicEnable", \.traceTopic, important: true, "Whether the broker makes the trace topic."),
    ]

    private static let serving: [Setting<Self>] = [
        .flag("longPollingEnable", \.longPolling, takesEffect: .atOnce, "Whether a pull that finds nothing waits as long as its consumer asks."),
        .number(
            "shortPollingTimeMills", \.shortPollingMilliseconds, 1...60_000, unit: "ms", takesEffect: .atOnce, "How long it waits otherwise."),
        .flag(
            "notifyConsumerIdsChangedEnable", \.notifyConsumerIdsChanged, takesEffect: .atOnce, "Whether consumers are told when their group changes."),
        .time(
            "lockMaxLiveTime", \.lockLifetime, 1_000...3_600_000, .milliseconds,
            "How long a queue that is consumed in order stays its client's after the client last asked for it; a system property of the reference."),
        .flag("storeReplyMessageEnable", \.storeReplyMessage, takesEffect: .atOnce, "Whether replies to requests are stored as well as handed to who asked."),
        .number(
            "startAcceptSendRequestTimeStamp", \.startAcceptSendTimestamp, 0...Int64.max, unit: "ms since 1970", takesEffect: .atOnce,
            "Sends before this time are refused."),
        .flag(
            "brokerFastFailureEnable", \.fastFailure, takesEffect: .atOnce,
            "Whether a request that waited too long for its turn is answered SYSTEM_BUSY, upon which clients try another broker."),
        .number(
            "waitTimeMillsInSendQueue", \.sendWaitMilliseconds, 10...600_000, unit: "ms", takesEffect: .atOnce,
            "How long a send may wait while its event loop is held up; also a message that a consumer gives back."),
        .number(
            "waitTimeMillsInPullQueue", \.pullWaitMilliseconds, 10...600_000, unit: "ms", takesEffect: .atOnce,
            "How long a pull may; also for a thread that reads from the disk."),
        .number("waitTimeMillsInHeartbeatQueue", \.heartbeatWaitMilliseconds, 10...600_000, unit: "ms", takesEffect: .atOnce, "How long a heartbeat may."),
        .number(
            "waitTimeMillsInTransactionQueue", \.transactionWaitMilliseconds, 10...600_000, unit: "ms", takesEffect: .atOnce,
            "How long the end of a transaction may."),
        .flag(
            "slaveReadEnable", \.slaveRead, takesEffect: .atOnce,
            "Whether pulls are advised which member of the broker set to ask next: the group's `brokerId`, or its `whichBrokerWhenConsumeSlowly` when it is further behind than `accessMessageInMemoryMaxRatio` of the memory."),
        .flag(
            "disableConsumeIfConsumerReadSlowly", \.shutsOutSlowGroups, takesEffect: .atOnce,
            "Whether a group that is too far behind may consume no more (`consumeEnable=false`), until an operator lets it; looked at every 3 minutes."),
        .number(
            "consumerFallbehindThreshold", \.slowGroupBytes, 0...Int64.max, unit: "bytes", takesEffect: .atOnce, "How far behind in the log that is."),
        .flag("traceOn", \.traceOn, takesEffect: .atOnce, "`TRACE_ON` of sent messages, for traces."),
        .number("defaultQueryMaxNum", \.uniqueIdQueryCount, 1...1_024, takesEffect: .atOnce, "The most messages that a query by unique id returns."),
        .number(
            "flushConsumerOffsetInterval", \.persistOffsetsMilliseconds, 100...3_600_000, unit: "ms", takesEffect: .atOnce,
            "How often consumer offsets are written to their file; a change counts from the next time on."),
        .number(
            "registerNameServerPeriod", \.registerPeriodMilliseconds, 1...2_147_483_647, unit: "ms", takesEffect: .atOnce,
            "How often the name servers are told what the broker holds; used within 10 s to 60 s; a change counts from the next time on."),
        .number(
            "registerBrokerTimeoutMills", \.registerTimeoutMilliseconds, 100...60_000, unit: "ms", takesEffect: .atOnce,
            "How long a name server may take to answer that."),
        .flag(
            "forceRegister", \.forcesRegistration, takesEffect: .atOnce,
            "Whether the name servers are told everything each time; otherwise they are asked first which version they know."),
        .flag("compressedRegister", \.compressedRegister, takesEffect: .atOnce, "Whether what is told is compressed."),
    ]

    private static let filters: [Setting<Self>] = [
        .flag(
            "enablePropertyFilter", \.filtersByExpression, takesEffect: .atOnce,
            "Whether consumers may filter by SQL92 expressions, which the broker evaluates for each message that it reads for them."),
        .flag(
            "filterSupportRetry", \.filtersRetries, takesEffect: .atOnce,
            "Whether the expression of its topic also filters a message that a group consumes again."),
        .flag(
            "enableCalcFilterBitMap", \.computesFilterBitmaps, takesEffect: .atOnce,
            "Whether each message is asked at once which expressions it passes, so that pulls leave out the others without a look at them; needs `enableConsumeQueueExt`."),
        .number(
            "expectConsumerNumUseFilter", \.expectedFilters, expectedFilterBounds,
            "For how many groups with expressions of a topic bit maps are laid out. After a change, what was said of earlier messages counts for nothing."),
        .number(
            "maxErrorRateOfBloomFilter", \.filterErrorPercent, filterErrorBounds, unit: "%",
            "How many unwanted messages a bit map may let through to the expression; the same after a change."),
        .time(
            "filterDataCleanTimeSpan", \.deadFilterLifetime, 0...31_536_000_000, .milliseconds, takesEffect: .atOnce,
            "How long a group's expression is kept after its last consumer left."),
    ]

    /// Bit maps stay within what an extension unit holds.
    private static let expectedFilterBounds = 1...16_384
    private static let filterErrorBounds = 1...99

    /// Where the bits of a filter lie.
    var filterBloom: BloomFilter {
        let (percent, count) = (Self.filterErrorBounds.clamp(filterErrorPercent), Self.expectedFilterBounds.clamp(expectedFilters))
        guard let bloom = BloomFilter(errorPercent: percent, expectedNames: count) else { preconditionFailure("there is one within these bounds") }
        return bloom
    }

    private static let transactions: [Setting<Self>] = [
        .flag("rejectTransactionMessage", \.rejectsTransactions, takesEffect: .atOnce, important: true, "Whether messages of transactions are refused."),
        .number(
            "transactionTimeOut", \.transactionTimeoutMilliseconds, 0...Int64(Int32.max), unit: "ms", takesEffect: .atOnce, important: true,
            "How long a producer has for a transaction before it is first asked what became of it."),
        .number(
            "transactionCheckMax", \.transactionCheckMax, 0...Int32.max, takesEffect: .atOnce, important: true,
            "How often it is asked; then the message is kept in `TRANS_CHECK_MAX_TIME_TOPIC` and not delivered."),
        .number(
            "transactionCheckInterval", \.transactionCheckMilliseconds, 100...Int64(Int32.max), unit: "ms", takesEffect: .atOnce, important: true,
            "How often the broker looks for transactions to ask about; a change counts from the next time on."),
    ]

    private static let statistics: [Setting<Self>] = [
        .flag("isolateLogEnable", \.isolatesLogs, "Whether the logs lie in a folder of the broker's name and id, for several brokers of one user."),
        .verbosity(
            "logLevel", \.logVerbosity, takesEffect: .atOnce,
            "From which level on records are logged, also of single logs: `INFO;RocketmqStore=DEBUG;RocketmqStats=OFF`. A key of this project."),
        .flag("enableDetailStat", \.detailedStatistics, "Whether delayed messages and the times of pulls are counted for each queue."),
        .flag(
            "autoDeleteUnusedStats", \.deletesUnusedStatistics, takesEffect: .atOnce,
            "Whether what was counted of a topic or a group is forgotten when that is deleted."),
        .flag("enableScheduleMessageStats", \.countsDeliveries, takesEffect: .atOnce, "Whether deliveries of delayed messages are counted."),
        .flag(
            "diskFallRecorded", \.keepsFalls, takesEffect: .atOnce,
            "Whether it is kept how far each group was behind the end of the log at its last pull of a queue."),
    ]
}

extension BrokerConfiguration {
    /// Applies `properties`. Of equal keys the last counts, and the name that a key has today counts before its old one.
    /// - Returns: one warning per key that is unknown, not honoured, called otherwise today, or whose value cannot be used and is
    ///   replaced.
    /// - Throws: for the first value that its key does not allow and that must not be replaced.
    public mutating func apply(_ properties: [(key: String, value: String)]) throws(ConfigurationError) -> [String] {
        try Self.settings.apply(properties, to: &self).warnings
    }

    /// Every key of the reference and of this broker as `key=value` lines, which is what `-p` prints and GET_BROKER_CONFIG answers.
    /// - Parameter onlyImportant: those that the reference marks, which is what `-m` prints.
    func text(onlyImportant: Bool = false) -> String { Self.settings.text(of: resolved, onlyImportant: onlyImportant) }

    /// With what its empty values stand for, as tools are shown it.
    var resolved: BrokerConfiguration {
        var resolved = self
        resolved.brokerIP1 = advertisedAddress
        if brokerIP2.isEmpty { resolved.brokerIP2 = advertisedAddress }
        resolved.store.commitLogDirectories = store.commitLogDirectories
        resolved.eventLoops = eventLoopCount
        return resolved
    }
}

extension ClosedRange<Int> {
    fileprivate func clamp(_ value: Int) -> Int { Swift.min(Swift.max(value, lowerBound), upperBound) }
}
