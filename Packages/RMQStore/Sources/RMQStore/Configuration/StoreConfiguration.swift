public import RMQCommon

/// How and where a ``MessageStore`` keeps its files.
///
/// The properties, and in the extension below them the row of each key. What is about one subject has a type and a file of its own:
/// ``RetentionPolicy``, ``TransferLimits``. Where a row says so, ``MessageStore/reconfigure(_:)`` changes it while the store runs.
public struct StoreConfiguration: Sendable, Equatable {
    /// `storePathRootDir`: everything but the commit log lives below it.
    public var rootDirectory: String
    /// `storePathCommitLog`: the directories of the commit log; new files go to them in turn. Empty: `commitlog` below the root.
    public var commitLogDirectories: [String] {
        get { givenLogDirectories.isEmpty ? [rootDirectory + "/commitlog"] : givenLogDirectories }
        set { givenLogDirectories = newValue }
    }
    private var givenLogDirectories: [String]
    /// `readOnlyCommitLogStorePaths`: directories that hold commit log files too, but get no new ones.
    public var readOnlyCommitLogDirectories: [String] = []
    /// `mappedFileSizeCommitLog`, in bytes.
    public var segmentBytes: Int = 1 << 30
    /// `mappedFileSizeConsumeQueue`, in bytes; used rounded up to whole entries of 20 bytes.
    public var consumeQueueFileBytes: Int = 6_000_000
    /// `flushDiskType`: what has to be on the disk before an append is acknowledged.
    public var flush = FlushPolicy.asynchronous
    /// `flushIntervalCommitLog`: how often what is new goes to the disk under asynchronous flush.
    public var flushInterval: Duration = .milliseconds(500)
    /// `flushCommitLogTimed`: whether a write-back waits for the interval to pass after the first append; otherwise it begins
    /// as soon as there are enough pages.
    public var flushIsTimed = true
    /// `flushCommitLogLeastPages`: with fewer new pages of 4 KiB than this, an asynchronous write-back is put off …
    public var flushLeastPages = 4
    /// … for at most this long: `flushCommitLogThoroughInterval`.
    public var flushThoroughInterval: Duration = .seconds(10)
    /// `syncFlushTimeout`: how long an append waits for the disk under synchronous flush.
    public var syncFlushTimeout: Duration = .seconds(5)
    /// `brokerRole`, as far as the store cares: in which role it is opened. See ``MessageStore/becomeMaster(requiredReplicas:)``.
    public var role: StoreRole = .master
    /// How many replicas must have a message before it is confirmed: 1 for `brokerRole=SYNC_MASTER`, else 0.
    public var requiredReplicas = 0
    /// `slaveTimeout`: how long an append waits for replicas.
    public var replicaTimeout: Duration = .seconds(3)
    /// `haSlaveFallbehindMax`: a replica that is this many bytes behind is not waited for.
    public var replicaFallBehindLimit: Int64 = 256 << 20
    /// `osPageCacheBusyTimeOutMills`: appends are refused while one has been writing for longer than this.
    public var pageCacheBusyMilliseconds: Int64 = 1_000
    /// `maxMessageSize`: the longest body, in bytes.
    public var maxMessageBytes: Int = 4 << 20
    /// How much one read may return.
    public var transferLimits = TransferLimits()
    /// What was written within so many bytes of the log's end is taken to be in memory without asking: the kernel lets go of the
    /// oldest first. Tests ask always, or, with a negative number, take nothing to be there that is written once more.
    var recentBytes: Int64 = 64 << 20
    /// `checkCRCOnRecover`.
    public var verifiesChecksumsOnRecovery = true
    /// `messageDelayLevel`, in milliseconds: the delivery time of a delayed record stands in its consume queue entry.
    public var delayLevelMilliseconds: [Int64] = Self.defaultDelayLevels
    /// Whether a master delivers delayed messages from its start on; tests deliver by hand.
    var deliversDelayedMessages = true
    /// `flushDelayOffsetInterval`: how often the progress of delayed delivery is written down.
    public var delayOffsetInterval: Duration = .seconds(10)
    /// `messageIndexEnable`: whether messages can be looked up by their keys.
    public var indexesMessages = true
    /// `maxHashSlotNum`: hash slots of an index file, 4 bytes each.
    public var indexSlotCount = 5_000_000
    /// `maxIndexNum`: entries of an index file, 20 bytes each; one of them is never used.
    public var indexEntryCount = 20_000_000
    /// How often new index entries are made durable. After a power failure so much of the log is indexed again.
    public var indexSaveInterval: Duration = .seconds(30)
    /// `enableConsumeQueueExt`: whether consume queue entries lead to units that also hold a filter bit map.
    public var writesQueueExtensions = false
    /// `mappedFileSizeConsumeQueueExt`, in bytes.
    public var extensionFileBytes = 50_331_648
    /// `enableMultiDispatch`: whether a message may enter further queues, which its property `INNER_MULTI_DISPATCH` lists.
    public var dispatchesToSeveral = false
    /// `enableLmq`: whether queues named `%LMQ%…` are light ones, with queue id 0.
    public var lightQueues = false
    /// `maxLmqConsumeQueueNum`: no message makes more light queues than this.
    public var maxLightQueues = 20_000
    /// `maxMsgsNumBatch`: the most messages that one query by key returns.
    public var maxQueryCount = 64
    /// `warmMapedFileEnable`: whether segments are faulted in ahead of the writer, and locked in memory while they are written.
    /// What the system does not allow to be locked is not.
    public var warmsSegments = false
    /// `flushLeastPagesWhenWarmMapedFile`: pages of 4 KiB faulted in at a time by a warm-up.
    public var warmUpPages = 4096
    /// How long an append waits for a new segment before it fails.
    public var segmentWait: Duration = .seconds(5)
    /// How long after a failure to make a segment the next attempt waits.
    public var segmentRetryPause: Duration = .seconds(1)

    /// `showUnconfirmedMessages`, a key of ours: whether consumers see a message as soon as it is appended although its
    /// producer is still waiting for disk or replicas, as with the reference. Otherwise they see it once that promise holds.
    public var showsUnconfirmed = false
    /// When commit log files are deleted, and when a full disk refuses messages.
    public var retention = RetentionPolicy()

    /// A configuration with the reference's defaults below `rootDirectory`.
    /// - Parameter commitLogDirectories: empty: `commitlog` below the root.
    public init(rootDirectory: String, commitLogDirectories: [String] = []) {
        self.rootDirectory = rootDirectory
        givenLogDirectories = commitLogDirectories
    }

    /// Bytes of a consume queue file as it is really made.
    var consumeQueueFileLength: Int { (consumeQueueFileBytes + QueueEntry.byteCount - 1) / QueueEntry.byteCount * QueueEntry.byteCount }
    var consumeQueueDirectory: String { rootDirectory + "/consumequeue" }
    var indexDirectory: String { rootDirectory + "/index" }
    var extensionDirectory: String { rootDirectory + "/consumequeue_ext" }
    var configDirectory: String { rootDirectory + "/config" }
    var delayOffsetPath: String { configDirectory + "/delayOffset.json" }

    /// Whether a message can be read as soon as a master has appended it.
    func mastersPublishAtAppend(requiredReplicas: Int) -> Bool { showsUnconfirmed || flush != .synchronous && requiredReplicas == 0 }

    /// How often what is new goes to the disk in the background. Under synchronous flush that is the consume queues.
    var backgroundFlushInterval: Duration { flush == .asynchronous ? flushInterval : .milliseconds(500) }

    func validate() throws(StoreError) {
        if rootDirectory.isEmpty {
            throw .invalidConfiguration(key: "storePathRootDir", value: "", allowed: "a directory")
        }
        if commitLogDirectories.contains(where: \.isEmpty) || commitLogDirectories.allSatisfy({ readOnlyCommitLogDirectories.containsExactly($0) }) {
            throw .invalidConfiguration(
                key: "storePathCommitLog", value: commitLogDirectories.joined(separator: ","),
                allowed: "directories, at least one of them not in readOnlyCommitLogStorePaths")
        }
        try retention.validate()
        guard (4096...(1 << 40)).contains(segmentBytes) else {
            throw .invalidConfiguration(key: "mappedFileSizeCommitLog", value: "\(segmentBytes)", allowed: "4096 to 2^40 bytes")
        }
        // The filler at a segment's end holds the bytes left in 32 bits.
        guard segmentBytes <= Int(Int32.max) else {
            throw .invalidConfiguration(key: "mappedFileSizeCommitLog", value: "\(segmentBytes)", allowed: "at most 2147483647 bytes")
        }
        guard (1...(1 << 20)).contains(warmUpPages) else {
            throw .invalidConfiguration(key: "flushLeastPagesWhenWarmMapedFile", value: "\(warmUpPages)", allowed: "1 to 1048576 pages")
        }
        guard (QueueEntry.byteCount...Int(Int32.max)).contains(consumeQueueFileBytes) else {
            throw .invalidConfiguration(key: "mappedFileSizeConsumeQueue", value: "\(consumeQueueFileBytes)", allowed: "20 to 2147483647 bytes")
        }
        guard maxMessageBytes > 0 else {
            throw .invalidConfiguration(key: "maxMessageSize", value: "\(maxMessageBytes)", allowed: "1 byte or more")
        }
        try validateDelays()
        try validateDerivedFiles()
        guard flushInterval > .zero else {
            throw .invalidConfiguration(key: "flushIntervalCommitLog", value: "\(flushInterval)", allowed: "more than 0 ms")
        }
        guard requiredReplicas >= 0 else {
            throw .invalidConfiguration(key: "requiredReplicas", value: "\(requiredReplicas)", allowed: "0 or more")
        }
    }
}

extension StoreConfiguration {
    fileprivate func validateDerivedFiles() throws(StoreError) {
        guard (1024...Int(Int32.max)).contains(extensionFileBytes) else {
            throw .invalidConfiguration(key: "mappedFileSizeConsumeQueueExt", value: "\(extensionFileBytes)", allowed: "1024 to 2147483647 bytes")
        }
        guard (1...500_000_000).contains(indexSlotCount) else {
            throw .invalidConfiguration(key: "maxHashSlotNum", value: "\(indexSlotCount)", allowed: "1 to 500000000")
        }
        // The reference computes the length of a file in 32 bits.
        let largest = (Int(Int32.max) - IndexShape.headerBytes - indexSlotCount * IndexShape.slotBytes) / IndexShape.entryBytes
        guard (2...max(2, largest)).contains(indexEntryCount) else {
            throw .invalidConfiguration(key: "maxIndexNum", value: "\(indexEntryCount)", allowed: "2 to \(largest) with maxHashSlotNum=\(indexSlotCount)")
        }
    }
}

extension StoreConfiguration {
    /// Every key of the store, also those that it does not act on.
    public static let settings = SettingTable(
        program: "store", defaults: StoreConfiguration(rootDirectory: "~/store"),
        [.init("Store", ownSettings + RetentionPolicy.settings.map { $0.at(\.retention) } + TransferLimits.settings.map { $0.at(\.transferLimits) } + withoutEffect)])

    private static let ownSettings: [Setting<Self>] = files + flushing + messages + queues + indexes

    private static let files: [Setting<Self>] = [
        Setting<Self>.path("storePathRootDir", \.rootDirectory, important: true, "The directory of the store; everything but the commit log lives below it.")
            .defaulting(to: "`store` in the home directory"),
        Setting<Self>.paths("storePathCommitLog", \.commitLogDirectories, important: true, "The directories of the commit log; new files go to them in turn.")
            .defaulting(to: "`commitlog` below `storePathRootDir`"),
        .paths("readOnlyCommitLogStorePaths", \.readOnlyCommitLogDirectories, "Directories that hold commit log files too, but get no new ones."),
        Setting<Self>.number(
            "mappedFileSizeCommitLog", \.segmentBytes, 65_536...2_147_479_552, unit: "bytes", onBadValue: .stopsTheStart,
            "The length of a commit log file; files that are there keep theirs.").formerly("mapedFileSizeCommitLog"),
        Setting<Self>.number(
            "mappedFileSizeConsumeQueue", \.consumeQueueFileBytes, 20...2_147_483_640, unit: "bytes", onBadValue: .stopsTheStart,
            "The length of a consume queue file, rounded up to entries of 20 bytes.").formerly("mapedFileSizeConsumeQueue"),
        .flag(
            "warmMapedFileEnable", \.warmsSegments, takesEffect: .atOnce, important: true,
            "Whether commit log files are faulted in ahead of the writer and locked in memory."),
        .number(
            "flushLeastPagesWhenWarmMapedFile", \.warmUpPages, 1...1_048_576, unit: "pages", takesEffect: .atOnce, "Pages of 4 KiB faulted in at a time."),
        .flag("checkCRCOnRecover", \.verifiesChecksumsOnRecovery, "Whether recovery compares the checksums of messages."),
    ]

    private static let flushing: [Setting<Self>] = [
        .choice("flushDiskType", \.flush, important: true, "Whether a send is acknowledged before its message is on the disk, or after."),
        .time(
            "flushIntervalCommitLog", \.flushInterval, 1...60_000, .milliseconds, takesEffect: .atOnce, important: true,
            "How often what is new goes to the disk under `ASYNC_FLUSH`."),
        .flag(
            "flushCommitLogTimed", \.flushIsTimed, takesEffect: .atOnce, important: true,
            "Whether a write-back waits for the interval; otherwise it begins as soon as there are enough pages."),
        .number(
            "flushCommitLogLeastPages", \.flushLeastPages, 0...262_144, unit: "pages", takesEffect: .atOnce,
            "With fewer new pages of 4 KiB a write-back is put off, …"),
        .time(
            "flushCommitLogThoroughInterval", \.flushThoroughInterval, 0...3_600_000, .milliseconds, takesEffect: .atOnce, "… for at most this long."),
        .time(
            "syncFlushTimeout", \.syncFlushTimeout, 1...3_600_000, .milliseconds, takesEffect: .atOnce, important: true,
            "How long a send waits for the disk under `SYNC_FLUSH`."),
        .flag(
            "showUnconfirmedMessages", \.showsUnconfirmed,
            "Whether consumers see a message before it is as safe as its producer was promised, as at the reference; a key of this project."),
        .number(
            "osPageCacheBusyTimeOutMills", \.pageCacheBusyMilliseconds, 1...10_000_000, unit: "ms", takesEffect: .atOnce,
            "Sends are refused while one has been writing for longer than this."),
    ]

    private static let messages: [Setting<Self>] = [
        .number(
            "maxMessageSize", \.maxMessageBytes, 1...Int(Int32.max), unit: "bytes", takesEffect: .atOnce,
            "The longest body; no request is longer than 16 MiB, whatever this is."),
        .text(
            "messageDelayLevel", \.delayLevelMilliseconds, allowed: "1 to 1000 times such as 10s, 5m, 2h or 1d, separated by blanks",
            "How long delayed messages wait, by level.", parse: { delayLevels(parsing: Configuration.trimmed($0)) }, print: { text(ofDelayLevels: $0) }),
        .time(
            "flushDelayOffsetInterval", \.delayOffsetInterval, 100...3_600_000, .milliseconds, takesEffect: .atOnce,
            "How often the progress of delayed delivery is written down."),
    ]

    private static let queues: [Setting<Self>] = [
        .flag("enableMultiDispatch", \.dispatchesToSeveral, "Whether a message may enter further queues, which its property `INNER_MULTI_DISPATCH` lists."),
        .flag("enableLmq", \.lightQueues, "Whether topics named `%LMQ%…` exist as soon as somebody names them, with one queue that such messages enter."),
        .number("maxLmqConsumeQueueNum", \.maxLightQueues, 1...1_000_000, "No message makes more light queues than this."),
        .flag("enableConsumeQueueExt", \.writesQueueExtensions, "Whether consume queue entries lead to units with filter bit maps."),
        .number(
            "mappedFileSizeConsumeQueueExt", \.extensionFileBytes, 1_024...2_147_483_647, unit: "bytes", onBadValue: .stopsTheStart,
            "The length of a file of such units."),
    ]

    private static let indexes: [Setting<Self>] = [
        .flag("messageIndexEnable", \.indexesMessages, important: true, "Whether messages can be looked up by their keys."),
        .number(
            "maxHashSlotNum", \.indexSlotCount, 1...500_000_000, onBadValue: .stopsTheStart, important: true, "Hash slots of an index file, 4 bytes each."),
        .number("maxIndexNum", \.indexEntryCount, 2...107_374_178, onBadValue: .stopsTheStart, "Entries of an index file, 20 bytes each."),
        .number("maxMsgsNumBatch", \.maxQueryCount, 1...1_024, takesEffect: .atOnce, "The most messages that a query by key returns."),
    ]
}
