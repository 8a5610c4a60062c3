import RMQCommon

/// What one broker is told to be: the reference's property keys that this broker honours, typed.
///
/// `BrokerSetting.all` is the table that connects each property to its key, its bounds and whether it may be changed
/// while the broker runs.
public struct BrokerConfiguration: Sendable, Equatable {
    // MARK: who it is

    public var brokerName = "broker-a"
    public var brokerClusterName = "DefaultCluster"
    /// Always 0: this broker is a master.
    public var brokerId: Int64 = 0
    public var regionId = "DefaultRegion"

    // MARK: where it is reached

    /// The address to listen on. Loopback unless configured otherwise.
    public var bindAddress = "127.0.0.1"
    /// 0 lets the system choose; the fast port is then chosen too.
    public var listenPort: UInt16 = 10911
    /// The address or host name given to clients; its address is the store host of messages. Empty means ``bindAddress``,
    /// or loopback when that is a wildcard.
    public var brokerIP1 = ""
    /// The address advertised for replication; empty means ``brokerIP1``.
    public var brokerIP2 = ""
    /// Name servers as `host:port`.
    public var nameServers: [String] = []
    /// Event loops; 0 means one per processor.
    public var eventLoops = 0
    /// A connection without traffic for so long is closed.
    public var idleSeconds = 120

    // MARK: topics and groups

    /// Permission bits of the whole broker: 4 read, 2 write.
    public var brokerPermission: Int32 = 6
    public var defaultTopicQueues: Int32 = 8
    public var autoCreateTopic = true
    public var clusterTopic = true
    public var brokerTopic = true
    public var autoCreateSubscriptionGroup = true
    public var traceTopicName = "RMQ_SYS_TRACE_TOPIC"
    public var traceTopic = false

    // MARK: serving

    public var longPolling = true
    public var shortPollingMilliseconds: Int64 = 1_000
    public var notifyConsumerIdsChanged = true
    /// Sends before this time (milliseconds since 1970) are refused.
    public var startAcceptSendTimestamp: Int64 = 0
    public var traceOn = true
    public var transferBytes = 262_144
    public var transferCount: Int32 = 32
    /// The longest body. No request is longer than 16 MiB, whatever this is.
    public var maxMessageBytes = 4 * 1024 * 1024

    // MARK: periodic work

    public var persistOffsetsMilliseconds: Int64 = 5_000
    /// Kept within 10 s and 60 s.
    public var registerPeriodMilliseconds: Int64 = 30_000
    public var registerTimeoutMilliseconds: Int64 = 6_000
    public var compressedRegister = false

    // MARK: the store

    public var storeRoot = "store"
    /// Directories separated by commas; empty means `commitlog` below the root.
    public var storeCommitLog = ""
    public var readOnlyCommitLog = ""
    public var commitLogFileBytes = 1024 * 1024 * 1024
    public var consumeQueueFileBytes = 6_000_000
    /// `ASYNC_FLUSH` or `SYNC_FLUSH`.
    public var flushDiskType = "ASYNC_FLUSH"
    public var flushIntervalMilliseconds: Int64 = 500
    public var flushTimed = true
    public var flushLeastPages = 4
    public var flushThoroughMilliseconds: Int64 = 10_000
    public var syncFlushTimeoutMilliseconds: Int64 = 5_000
    /// Whether consumers see a message before its producer is told that it is safe. The reference does so; this broker only if asked.
    public var showUnconfirmedMessages = false
    public var pageCacheBusyMilliseconds: Int64 = 1_000
    public var verifyChecksumsOnRecovery = true
    /// Whether a message may enter further queues, which its property `INNER_MULTI_DISPATCH` lists.
    public var multiDispatch = false
    /// Whether topics named `%LMQ%…` exist as soon as somebody names them, with one queue that such messages enter.
    public var lightQueues = false
    public var maxLightQueues = 20_000
    /// Whether consume queue entries lead to units with filter bit maps.
    public var writesQueueExtensions = false
    public var queueExtensionFileBytes = 50_331_648
    /// Whether messages can be looked up by their keys.
    public var indexesMessages = true
    public var indexSlotCount = 5_000_000
    public var indexEntryCount = 20_000_000
    /// The most messages that a query by key returns, and one by unique id.
    public var maxQueryCount = 64
    public var uniqueIdQueryCount: Int32 = 32
    /// The times that delayed messages wait, by level.
    public var delayLevels = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h"
    public var persistDelayOffsetsMilliseconds: Int64 = 10_000

    public var transferBytesOnDisk = 65_536
    public var transferCountOnDisk = 8
    public var inMemoryPercent = 40
    public var warmSegments = false
    public var warmUpPages = 4_096

    // MARK: deleting what is old

    public var fileReservedHours: Int64 = 72
    /// Hours of the day separated by semicolons.
    public var deleteWhen = "04"
    public var cleanIntervalMilliseconds: Int64 = 10_000
    public var deleteLogFilesPauseMilliseconds: Int64 = 100
    public var deleteQueueFilesPauseMilliseconds: Int64 = 100
    public var deletedFileHoldMilliseconds: Int64 = 120_000
    public var deletionRetryMilliseconds: Int64 = 120_000
    public var cleanForcibly = true
    public var diskMaxUsedPercent = 75
    public var diskForcedCleanPercent = 85
    public var diskRefusePercent = 90

    public init() {}

    /// The address clients are told to connect to.
    public var advertisedAddress: String {
        if !brokerIP1.isEmpty { return brokerIP1 }
        switch ByteText(bindAddress) {
        case "0.0.0.0", "": return "127.0.0.1"
        case "::": return "::1"
        default: return bindAddress
        }
    }

    /// With what its empty values stand for, as tools are shown it.
    var resolved: BrokerConfiguration {
        var resolved = self
        resolved.brokerIP1 = advertisedAddress
        if brokerIP2.isEmpty { resolved.brokerIP2 = advertisedAddress }
        if storeCommitLog.isEmpty { resolved.storeCommitLog = storeRoot + "/commitlog" }
        resolved.eventLoops = eventLoopCount
        return resolved
    }

    /// The directory of topics.json and its siblings.
    public var configDirectory: String { storeRoot + "/config" }

    /// The hours of ``deleteWhen``; nil when the text is none.
    static func hours(parsing text: String) -> [Int]? {
        let hours = text.utf8.split(separator: UInt8(ascii: ";")).map { Int(Configuration.trimmed(String(Substring($0)))) }
        guard !hours.isEmpty, hours.allSatisfy({ $0.map((0...23).contains) ?? false }) else { return nil }
        return hours.compactMap(\.self)
    }

    /// Applies `properties`. Of equal keys the last counts, and the name that a key has today counts before its old one.
    /// - Returns: one warning per key that is unknown, not honoured, called otherwise today, or whose value cannot be used and is
    ///   replaced.
    /// - Throws: for the first value that its key does not allow and that must not be replaced.
    public mutating func apply(_ properties: [(key: String, value: String)]) throws(BrokerConfigurationError) -> [String] {
        var warnings: [String] = []
        let given = Configuration(properties)
        for (key, value) in given.pairs {
            if let setting = BrokerSetting.named(key) {
                if !setting.key.isExactly(key) {
                    warnings.append("configuration: \(key) is called \(setting.key) since release 4.5.2")
                    if given[setting.key] != nil { continue }
                }
                if let warning = try apply(setting, value) { warnings.append(warning) }
            } else if let warning = try UnhonouredSettings.judge(key: key, value: value) {
                warnings.append(warning)
            }
        }
        return warnings
    }

    private mutating func apply(_ setting: BrokerSetting, _ value: String) throws(BrokerConfigurationError) -> String? {
        do {
            try setting.write(&self, value)
            return nil
        } catch {
            guard !setting.isCritical else { throw error }
            try setting.write(&self, setting.replacement(value) ?? setting.read(BrokerConfiguration()))
            return "\(error); \(setting.read(self)) is used"
        }
    }
}

/// A configuration value that its key does not allow.
public enum BrokerConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    case badValue(key: String, value: String, allowed: String)
    /// The file cannot be read; it says why.
    case unreadable(String)

    public var description: String {
        switch self {
        case .badValue(let key, let value, let allowed): "configuration: \(key)=\(value) is not allowed; allowed: \(allowed)"
        case .unreadable(let reason): "configuration: \(reason)"
        }
    }
}
