import RMQCommon
import RMQStore

/// One row of the configuration: a property key, its place in ``BrokerConfiguration``, its bounds.
struct BrokerSetting: Sendable {
    let key: String
    /// May be changed over the wire. Only numbers and switches that a running broker really obeys;
    /// never a path, an address or a name.
    let isLive: Bool
    /// Shown by `-m`.
    let isImportant: Bool
    /// A value that cannot be read stops the start: with another one messages would be lost or lie elsewhere, or the broker would
    /// be somebody else. Of other keys a warning is enough, and ``replacement`` is used.
    let isCritical: Bool
    let write: @Sendable (inout BrokerConfiguration, String) throws(BrokerConfigurationError) -> Void
    let read: @Sendable (BrokerConfiguration) -> String
    /// What stands for a value that cannot be used; nil is the default.
    let replacement: @Sendable (String) -> String?

    static func named(_ key: String) -> BrokerSetting? {
        let key = oldNames[key] ?? key
        return all.first { $0.key.isExactly(key) }
    }

    /// Keys that were spelled otherwise up to release 4.5.1, and what they are called since.
    static let oldNames: [ByteText: String] = [
        "mapedFileSizeCommitLog": "mappedFileSizeCommitLog", "mapedFileSizeConsumeQueue": "mappedFileSizeConsumeQueue",
    ]

    static let all: [BrokerSetting] = [
        text("brokerName", \.brokerName, allowed: isName, important: true),
        text("brokerClusterName", \.brokerClusterName, allowed: isName, important: true),
        integer("brokerId", \.brokerId, 0...0, important: true),
        text("regionId", \.regionId, allowed: isPrintable),
        host("bindAddress", \.bindAddress),
        integer("listenPort", \.listenPort, 0...65_532, critical: true, important: true),
        host("brokerIP1", \.brokerIP1),
        host("brokerIP2", \.brokerIP2),
        addresses("namesrvAddr", \.nameServers),
        integer("eventLoops", \.eventLoops, 0...64),
        integer("serverChannelMaxIdleTimeSeconds", \.idleSeconds, 1...86_400),
        integer("brokerPermission", \.brokerPermission, 0...7, critical: true, live: true, important: true),
        integer("defaultTopicQueueNums", \.defaultTopicQueues, 1...1_024),
        boolean("autoCreateTopicEnable", \.autoCreateTopic, live: true, important: true),
        boolean("clusterTopicEnable", \.clusterTopic),
        boolean("brokerTopicEnable", \.brokerTopic),
        boolean("autoCreateSubscriptionGroup", \.autoCreateSubscriptionGroup, live: true, important: true),
        text("msgTraceTopicName", \.traceTopicName, allowed: isName, important: true),
        boolean("traceTopicEnable", \.traceTopic, important: true),
        boolean("longPollingEnable", \.longPolling, live: true),
        integer("shortPollingTimeMills", \.shortPollingMilliseconds, 1...60_000, live: true),
        boolean("notifyConsumerIdsChangedEnable", \.notifyConsumerIdsChanged, live: true),
        integer("startAcceptSendRequestTimeStamp", \.startAcceptSendTimestamp, 0...Int64.max, live: true),
        boolean("traceOn", \.traceOn, live: true),
        integer("maxTransferBytesOnMessageInMemory", \.transferBytes, 1_024...8_388_608, important: true),
        integer("maxTransferCountOnMessageInMemory", \.transferCount, 1...4_096, important: true),
        integer("maxMessageSize", \.maxMessageBytes, 1...Int(Int32.max)),
        integer("flushConsumerOffsetInterval", \.persistOffsetsMilliseconds, 100...3_600_000),
        integer("registerNameServerPeriod", \.registerPeriodMilliseconds, 1...2_147_483_647),
        integer("registerBrokerTimeoutMills", \.registerTimeoutMilliseconds, 100...60_000),
        boolean("compressedRegister", \.compressedRegister),
        path("storePathRootDir", \.storeRoot, important: true),
        path("storePathCommitLog", \.storeCommitLog, important: true),
        integer("mappedFileSizeCommitLog", \.commitLogFileBytes, 65_536...2_147_479_552, critical: true),
        integer("mappedFileSizeConsumeQueue", \.consumeQueueFileBytes, 20...2_147_483_640, critical: true),
        text("messageDelayLevel", \.delayLevels, allowed: isDelayLevels),
        integer("flushDelayOffsetInterval", \.persistDelayOffsetsMilliseconds, 100...3_600_000),
        text("flushDiskType", \.flushDiskType, allowed: isOne(of: ["ASYNC_FLUSH", "SYNC_FLUSH"]), important: true),
        boolean("enableMultiDispatch", \.multiDispatch),
        boolean("enableLmq", \.lightQueues),
        integer("maxLmqConsumeQueueNum", \.maxLightQueues, 1...1_000_000),
        boolean("enableConsumeQueueExt", \.writesQueueExtensions),
        integer("mappedFileSizeConsumeQueueExt", \.queueExtensionFileBytes, 1_024...2_147_483_647, critical: true),
        boolean("messageIndexEnable", \.indexesMessages, important: true),
        integer("maxHashSlotNum", \.indexSlotCount, 1...500_000_000, critical: true, important: true),
        integer("maxIndexNum", \.indexEntryCount, 2...107_374_178, critical: true),
        integer("maxMsgsNumBatch", \.maxQueryCount, 1...1_024),
        integer("defaultQueryMaxNum", \.uniqueIdQueryCount, 1...1_024, live: true),
        integer("flushIntervalCommitLog", \.flushIntervalMilliseconds, 1...60_000, important: true),
        boolean("flushCommitLogTimed", \.flushTimed, important: true),
        integer("flushCommitLogLeastPages", \.flushLeastPages, 0...262_144),
        integer("flushCommitLogThoroughInterval", \.flushThoroughMilliseconds, 0...3_600_000),
        integer("syncFlushTimeout", \.syncFlushTimeoutMilliseconds, 1...3_600_000, important: true),
        boolean("showUnconfirmedMessages", \.showUnconfirmedMessages),
        integer("osPageCacheBusyTimeOutMills", \.pageCacheBusyMilliseconds, 1...10_000_000),
        boolean("checkCRCOnRecover", \.verifyChecksumsOnRecovery),
        integer("maxTransferBytesOnMessageInDisk", \.transferBytesOnDisk, 1_024...8_388_608, important: true),
        integer("maxTransferCountOnMessageInDisk", \.transferCountOnDisk, 1...4_096, important: true),
        integer("accessMessageInMemoryMaxRatio", \.inMemoryPercent, 1...100, important: true),
        boolean("warmMapedFileEnable", \.warmSegments, important: true),
        integer("flushLeastPagesWhenWarmMapedFile", \.warmUpPages, 1...1_048_576),
        path("readOnlyCommitLogStorePaths", \.readOnlyCommitLog),
        integer("fileReservedTime", \.fileReservedHours, 0...876_000, critical: true, important: true),
        text("deleteWhen", \.deleteWhen, allowed: isHours, important: true),
        integer("cleanResourceInterval", \.cleanIntervalMilliseconds, 1_000...86_400_000),
        integer("deleteCommitLogFilesInterval", \.deleteLogFilesPauseMilliseconds, 0...3_600_000),
        integer("deleteConsumeQueueFilesInterval", \.deleteQueueFilesPauseMilliseconds, 0...3_600_000),
        integer("destroyMapedFileIntervalForcibly", \.deletedFileHoldMilliseconds, 0...86_400_000),
        integer("redeleteHangedFileInterval", \.deletionRetryMilliseconds, 0...86_400_000),
        boolean("cleanFileForciblyEnable", \.cleanForcibly, important: true),
        integer("diskMaxUsedSpaceRatio", \.diskMaxUsedPercent, 0...100, important: true),
        integer("diskSpaceCleanForciblyRatio", \.diskForcedCleanPercent, 1...100),
        integer("diskSpaceWarningLevelRatio", \.diskRefusePercent, 1...100),
    ]

    /// Important keys among those that this broker does not act on.
    private static let important: Set<ByteText> = ["brokerRole", "aclEnable", "haListenPort"]

    /// Every key of the reference and of this broker as `key=value` lines, which is what `-p` prints and GET_BROKER_CONFIG answers.
    /// - Parameter onlyImportant: those that the reference marks, which is what `-m` prints.
    static func text(of configuration: BrokerConfiguration, onlyImportant: Bool = false) -> String {
        let configuration = configuration.resolved
        var lines = all.filter { $0.isImportant || !onlyImportant }.map { "\($0.key)=\($0.read(configuration))" }
        lines += UnhonouredSettings.all.filter { !onlyImportant || important.contains($0.key) }.map { "\($0.key)=\($0.value(configuration))" }.sortedByBytes()
        return lines.map { $0 + "\n" }.joined()
    }
}

extension BrokerSetting {
    private typealias Path<Value> = WritableKeyPath<BrokerConfiguration, Value> & Sendable
    private typealias TextRule = (allows: @Sendable (String) -> Bool, description: String)

    private static func integer<Value: FixedWidthInteger & Sendable>(
        _ key: String, _ path: any Path<Value>, _ range: ClosedRange<Value>, critical: Bool = false, live: Bool = false, important: Bool = false
    ) -> BrokerSetting {
        BrokerSetting(
            key: key, isLive: live, isImportant: important, isCritical: critical,
            write: { (configuration, value) throws(BrokerConfigurationError) in
                guard let number = Value(Configuration.trimmed(value)), range.contains(number) else {
                    let allowed = range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
                    throw .badValue(key: key, value: value, allowed: allowed)
                }
                configuration[keyPath: path] = number
            },
            read: { String($0[keyPath: path]) },
            // A number beyond the bounds is meant as far as it can be.
            replacement: { Int64(Configuration.trimmed($0)).map { $0 < range.lowerBound ? "\(range.lowerBound)" : "\(range.upperBound)" } })
    }

    private static func boolean(_ key: String, _ path: any Path<Bool>, live: Bool = false, important: Bool = false) -> BrokerSetting {
        BrokerSetting(
            key: key, isLive: live, isImportant: important, isCritical: false,
            write: { (configuration, value) throws(BrokerConfigurationError) in
                switch ByteText(Configuration.trimmed(value).asciiLowercased) {
                case "true": configuration[keyPath: path] = true
                case "false": configuration[keyPath: path] = false
                default: throw .badValue(key: key, value: value, allowed: "true or false")
                }
            },
            read: { String($0[keyPath: path]) },
            replacement: { _ in "false" })   // to the reference, too, all that is not true is false
    }

    private static func text(_ key: String, _ path: any Path<String>, allowed rule: TextRule, important: Bool = false) -> BrokerSetting {
        text(key, path, allowed: rule, important: important, normalized: Configuration.trimmed)
    }

    /// A name or an address; an IPv6 address may stand in brackets.
    private static func host(_ key: String, _ path: any Path<String>) -> BrokerSetting {
        text(key, path, allowed: isPrintable, important: true) { value in
            let host = Configuration.trimmed(value)
            return host.droppingBytePrefix("[")?.droppingByteSuffix("]") ?? host
        }
    }

    /// As it is written: a blank at the end may be a part of the folder's name.
    private static func path(_ key: String, _ path: any Path<String>, important: Bool = false) -> BrokerSetting {
        text(key, path, allowed: isPath, important: important) { $0 }
    }

    private static func text(
        _ key: String, _ path: any Path<String>, allowed rule: TextRule, important: Bool, normalized: @escaping @Sendable (String) -> String
    ) -> BrokerSetting {
        BrokerSetting(
            key: key, isLive: false, isImportant: important, isCritical: true,
            write: { (configuration, value) throws(BrokerConfigurationError) in
                let text = normalized(value)
                guard rule.allows(text) else { throw .badValue(key: key, value: value, allowed: rule.description) }
                configuration[keyPath: path] = text
            },
            read: { $0[keyPath: path] }, replacement: { _ in nil })
    }

    private static func addresses(_ key: String, _ path: any Path<[String]>) -> BrokerSetting {
        BrokerSetting(
            key: key, isLive: false, isImportant: true, isCritical: true,
            write: { (configuration, value) throws(BrokerConfigurationError) in
                let addresses = NameServerList.parse(value)
                guard addresses.allSatisfy(NameServerList.isAddress) else { throw .badValue(key: key, value: value, allowed: NameServerList.allowed) }
                configuration[keyPath: path] = addresses
            },
            read: { $0[keyPath: path].joined(separator: ";") }, replacement: { _ in nil })
    }

    private static func isOne(of values: [String]) -> TextRule {
        ({ values.containsExactly($0) }, values.joined(separator: " or "))
    }
    private static var isName: TextRule {
        ({ value in
            (1...127).contains(value.utf8.count) && value.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        }, "1 to 127 bytes without control characters")
    }
    private static var isPrintable: TextRule {
        ({ value in value.utf8.count <= 255 && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }, "up to 255 characters without blanks")
    }
    private static var isDelayLevels: TextRule {
        ({ StoreConfiguration.delayLevels(parsing: $0) != nil }, "1 to 1000 times such as 10s, 5m, 2h or 1d, separated by blanks")
    }
    private static var isHours: TextRule {
        ({ value in BrokerConfiguration.hours(parsing: value) != nil }, "hours from 0 to 23, several separated by ;")
    }
    private static var isPath: TextRule {
        ({ value in value.utf8.count <= 1_024 && !value.utf8.contains(0) }, "a path of up to 1,024 bytes")
    }
}
