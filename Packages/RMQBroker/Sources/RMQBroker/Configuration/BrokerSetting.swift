import RMQStore

/// One row of the configuration: a property key, its place in ``BrokerConfiguration``, its bounds.
struct BrokerSetting: Sendable {
    let key: String
    /// May be changed over the wire. Only numbers and switches that a running broker really obeys;
    /// never a path, an address or a name.
    let isLive: Bool
    /// Shown by `-m`.
    let isImportant: Bool
    let write: @Sendable (inout BrokerConfiguration, String) throws(BrokerConfigurationError) -> Void
    let read: @Sendable (BrokerConfiguration) -> String

    static func named(_ key: String) -> BrokerSetting? {
        let key = oldNames[key] ?? key
        return all.first { $0.key == key }
    }

    /// Keys that were spelled otherwise up to release 4.7.
    private static let oldNames = [
        "mapedFileSizeCommitLog": "mappedFileSizeCommitLog", "mapedFileSizeConsumeQueue": "mappedFileSizeConsumeQueue",
    ]

    static let all: [BrokerSetting] = [
        text("brokerName", \.brokerName, allowed: isName, important: true),
        text("brokerClusterName", \.brokerClusterName, allowed: isName, important: true),
        integer("brokerId", \.brokerId, 0...0, important: true),
        text("regionId", \.regionId, allowed: isPrintable),
        text("bindAddress", \.bindAddress, allowed: isPrintable, important: true),
        integer("listenPort", \.listenPort, 0...65_532, important: true),
        text("brokerIP1", \.brokerIP1, allowed: isPrintable, important: true),
        text("brokerIP2", \.brokerIP2, allowed: isPrintable, important: true),
        addresses("namesrvAddr", \.nameServers),
        integer("eventLoops", \.eventLoops, 0...64),
        integer("serverChannelMaxIdleTimeSeconds", \.idleSeconds, 1...86_400),
        integer("brokerPermission", \.brokerPermission, 0...7, live: true, important: true),
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
        integer("maxMessageSize", \.maxMessageBytes, 1...15_728_640),
        integer("flushConsumerOffsetInterval", \.persistOffsetsMilliseconds, 100...3_600_000),
        integer("registerNameServerPeriod", \.registerPeriodMilliseconds, 1...2_147_483_647),
        integer("registerBrokerTimeoutMills", \.registerTimeoutMilliseconds, 100...60_000),
        boolean("compressedRegister", \.compressedRegister),
        text("storePathRootDir", \.storeRoot, allowed: isPath, important: true),
        text("storePathCommitLog", \.storeCommitLog, allowed: isPath, important: true),
        integer("mappedFileSizeCommitLog", \.commitLogFileBytes, 65_536...2_147_479_552),
        integer("mappedFileSizeConsumeQueue", \.consumeQueueFileBytes, 20...2_147_483_640),
        text("messageDelayLevel", \.delayLevels, allowed: isDelayLevels),
        integer("flushDelayOffsetInterval", \.persistDelayOffsetsMilliseconds, 100...3_600_000),
        text("flushDiskType", \.flushDiskType, allowed: isOne(of: ["ASYNC_FLUSH", "SYNC_FLUSH"]), important: true),
        boolean("enableMultiDispatch", \.multiDispatch),
        boolean("enableLmq", \.lightQueues),
        integer("maxLmqConsumeQueueNum", \.maxLightQueues, 1...1_000_000),
        boolean("enableConsumeQueueExt", \.writesQueueExtensions),
        integer("mappedFileSizeConsumeQueueExt", \.queueExtensionFileBytes, 1_024...2_147_483_647),
        boolean("messageIndexEnable", \.indexesMessages, important: true),
        integer("maxHashSlotNum", \.indexSlotCount, 1...500_000_000, important: true),
        integer("maxIndexNum", \.indexEntryCount, 2...107_374_178),
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
        text("readOnlyCommitLogStorePaths", \.readOnlyCommitLog, allowed: isPath),
        integer("fileReservedTime", \.fileReservedHours, 0...876_000, important: true),
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
    private static let important: Set<String> = ["brokerRole", "aclEnable", "haListenPort"]

    /// Every key of the reference and of this broker as `key=value` lines, which is what `-p` prints and GET_BROKER_CONFIG answers.
    /// - Parameter onlyImportant: those that the reference marks, which is what `-m` prints.
    static func text(of configuration: BrokerConfiguration, onlyImportant: Bool = false) -> String {
        let configuration = configuration.resolved
        var lines = all.filter { $0.isImportant || !onlyImportant }.map { "\($0.key)=\($0.read(configuration))" }
        lines += UnhonouredSettings.all.filter { !onlyImportant || important.contains($0.key) }.map { "\($0.key)=\($0.value(configuration))" }.sorted()
        return lines.map { $0 + "\n" }.joined()
    }
}

extension BrokerSetting {
    private typealias Path<Value> = WritableKeyPath<BrokerConfiguration, Value> & Sendable
    private typealias TextRule = (allows: @Sendable (String) -> Bool, description: String)

    private static func integer<Value: FixedWidthInteger & Sendable>(
        _ key: String, _ path: any Path<Value>, _ range: ClosedRange<Value>, live: Bool = false, important: Bool = false
    ) -> BrokerSetting {
        BrokerSetting(
            key: key, isLive: live, isImportant: important,
            write: { (configuration, value) throws(BrokerConfigurationError) in
                guard let number = Value(trimmed(value)), range.contains(number) else {
                    throw .badValue(key: key, value: value, allowed: "\(range.lowerBound) to \(range.upperBound)")
                }
                configuration[keyPath: path] = number
            },
            read: { String($0[keyPath: path]) })
    }

    private static func boolean(_ key: String, _ path: any Path<Bool>, live: Bool = false, important: Bool = false) -> BrokerSetting {
        BrokerSetting(
            key: key, isLive: live, isImportant: important,
            write: { (configuration, value) throws(BrokerConfigurationError) in
                switch trimmed(value).lowercased() {
                case "true": configuration[keyPath: path] = true
                case "false": configuration[keyPath: path] = false
                default: throw .badValue(key: key, value: value, allowed: "true or false")
                }
            },
            read: { String($0[keyPath: path]) })
    }

    private static func text(_ key: String, _ path: any Path<String>, allowed rule: TextRule, important: Bool = false) -> BrokerSetting {
        BrokerSetting(
            key: key, isLive: false, isImportant: important,
            write: { (configuration, value) throws(BrokerConfigurationError) in
                guard rule.allows(value) else { throw .badValue(key: key, value: value, allowed: rule.description) }
                configuration[keyPath: path] = value
            },
            read: { $0[keyPath: path] })
    }

    private static func addresses(_ key: String, _ path: any Path<[String]>) -> BrokerSetting {
        BrokerSetting(
            key: key, isLive: false, isImportant: true,
            write: { (configuration, value) throws(BrokerConfigurationError) in
                let parts = value.split(whereSeparator: { $0 == ";" || $0 == " " }).map(String.init)
                for part in parts {
                    guard let colon = part.lastIndex(of: ":"), colon != part.startIndex, UInt16(part[part.index(after: colon)...]) != nil else {
                        throw .badValue(key: key, value: value, allowed: "host:port, several separated by ;")
                    }
                }
                configuration[keyPath: path] = parts
            },
            read: { $0[keyPath: path].joined(separator: ";") })
    }

    /// Blanks behind a value are a part of it in a properties file; no number or switch means them.
    private static func trimmed(_ value: String) -> String {
        var value = Substring(value)
        while value.last?.isWhitespace == true { value.removeLast() }
        return String(value)
    }

    private static func isOne(of values: [String]) -> TextRule {
        ({ values.contains($0) }, values.joined(separator: " or "))
    }
    private static var isName: TextRule {
        ({ value in
            !value.isEmpty && value.utf8.count <= 127
                && value.utf8.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x25, 0x7C, 0x2E: true
                    default: false
                    }
                }
        }, "1 to 127 letters, digits, or any of - _ % | .")
    }
    private static var isPrintable: TextRule {
        ({ value in value.utf8.count <= 255 && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }, "up to 255 characters without blanks")
    }
    private static var isDelayLevels: TextRule {
        ({ StoreConfiguration.delayLevels(parsing: $0) != nil }, "1 to 1000 times such as 10s, 5m, 2h or 1d, separated by blanks")
    }
    private static var isHours: TextRule {
        ({ value in !value.isEmpty && value.split(separator: ";").allSatisfy { Int($0).map((0...23).contains) ?? false } },
         "hours from 0 to 23, several separated by ;")
    }
    private static var isPath: TextRule {
        ({ value in value.utf8.count <= 1_024 && !value.utf8.contains(0) }, "a path of up to 1,024 bytes")
    }
}
