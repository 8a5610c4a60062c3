import Glibc
import RMQCommon

/// One key of the reference that this broker knows but does not act on, and the value that is true of this broker.
///
/// Tools read them from GET_BROKER_CONFIG and some break where one is missing, so together with ``BrokerSetting`` these are
/// all keys of the reference. What has no counterpart here is shown as 0, `false` or empty.
struct UnhonouredSetting: Sendable {
    /// What a file gets that asks for another value than the true one.
    enum Answer {
        /// An error: the value promises something (durability, access control, a role), and a broker that ignored it would
        /// acknowledge what is not true.
        case error
        /// A warning: it tunes a machine that does not exist here.
        case warning
        /// Nothing: the environment or other keys say it.
        case silence
    }

    let key: String
    let answer: Answer
    let value: @Sendable (BrokerConfiguration) -> String
}

enum UnhonouredSettings {
    /// - Returns: a warning, or nil when the value asks for nothing beyond what this broker does.
    static func judge(key: String, value: String) throws(BrokerConfigurationError) -> String? {
        guard let setting = byKey[key] else {
            return gone.contains(key) ? "configuration: \(key) has no effect in this broker" : "configuration: unknown key \(key)"
        }
        let only = setting.value(BrokerConfiguration())
        switch setting.answer {
        case .silence: return nil
        case _ where Configuration.trimmed(value).isExactlyIgnoringCase(only): return nil
        case .warning: return "configuration: \(key) has no effect in this broker"
        case .error: throw .badValue(key: key, value: value, allowed: only + " (this broker offers nothing else yet)")
        }
    }

    static let all: [UnhonouredSetting] = promises + environment + transientPool + threads + machine

    private static let byKey = Dictionary(uniqueKeysWithValues: all.map { (ByteText($0.key), $0) })

    private static let promises: [UnhonouredSetting] = [
        .init("brokerRole", "ASYNC_MASTER", .error),
        .init("aclEnable", "false", .error),
        .init("enableDLegerCommitLog", "false", .error),
        .init("enablePropertyFilter", "false", .error),
        .init("duplicationEnable", "false", .error),
        .init("slaveReadEnable", "false", .error),
    ]

    private static let environment: [UnhonouredSetting] = [
        .init(key: "rocketmqHome", answer: .silence) { _ in Environment.value("ROCKETMQ_HOME") ?? "" },
        .init(key: "haListenPort", answer: .silence) { String($0.listenPort &+ 1) },
        // Every registration is sent, whether or not a name server knows the topics already.
        .init("forceRegister", "true", .silence),
        .init("useEpollNativeSelector", "true", .silence),
    ]

    /// They keep appends away from slow pages by a second copy in memory, which a crash loses. The pages of the log are made
    /// present ahead of the writer instead: the same promise, without the copy and the loss.
    private static let transientPool: [UnhonouredSetting] = [
        .init("transientStorePoolEnable", "false", .silence),
        .init("transientStorePoolSize", "0", .silence),
        .init("fastFailIfNoBufferInStorePool", "false", .silence),
        .init("commitIntervalCommitLog", "0", .silence),
        .init("commitCommitLogLeastPages", "0", .silence),
        .init("commitCommitLogThoroughInterval", "0", .silence),
    ]

    /// Requests are served by the event loops, those of administrators by one pool with a thread per processor.
    private static let threads: [UnhonouredSetting] = [
        "sendMessageThreadPoolNums", "pullMessageThreadPoolNums", "clientManageThreadPoolNums", "consumerManageThreadPoolNums",
        "heartbeatThreadPoolNums", "serverWorkerThreads", "serverSelectorThreads", "clientWorkerThreads",
    ].map { .init(key: $0, answer: .warning) { String($0.eventLoopCount) } } + [
        "queryMessageThreadPoolNums", "adminBrokerThreadPoolNums", "clientCallbackExecutorThreads",
    ].map { .init(key: $0, answer: .warning) { _ in String(BrokerConfiguration.processorCount) } } + [
        .init("putMessageFutureThreadPoolNums", "0"), .init("processReplyMessageThreadPoolNums", "0"), .init("endTransactionThreadPoolNums", "0"),
        .init("serverCallbackExecutorThreads", "0"),
        // Their queues are always empty; tools divide by these.
        .init("sendThreadPoolQueueCapacity", "10000"), .init("putThreadPoolQueueCapacity", "10000"),
        .init("pullThreadPoolQueueCapacity", "100000"), .init("replyThreadPoolQueueCapacity", "10000"),
        .init("queryThreadPoolQueueCapacity", "20000"), .init("clientManagerThreadPoolQueueCapacity", "1000000"),
        .init("consumerManagerThreadPoolQueueCapacity", "1000000"), .init("heartbeatThreadPoolQueueCapacity", "50000"),
        .init("endTransactionPoolQueueCapacity", "100000"),
    ]

    private static let machine: [UnhonouredSetting] = [
        // Serving
        .init("messageStorePlugIn", ""), .init("flushConsumerOffsetHistoryInterval", "0"), .init("rejectTransactionMessage", "true"),
        .init("fetchNamesrvAddrByAddressServer", "false"), .init("filterServerNums", "0"), .init("highSpeedMode", "false"),
        .init("commercialEnable", "false"), .init("commercialTimerCount", "0"), .init("commercialTransCount", "0"),
        .init("commercialBigCount", "0"), .init("commercialBaseCount", "0"), .init("transferMsgByHeap", "false"), .init("maxDelayTime", "0"),
        .init("disableConsumeIfConsumerReadSlowly", "false"), .init("consumerFallbehindThreshold", "0"),
        .init("brokerFastFailureEnable", "false"), .init("waitTimeMillsInSendQueue", "0"), .init("waitTimeMillsInPullQueue", "0"),
        .init("waitTimeMillsInHeartbeatQueue", "0"), .init("waitTimeMillsInTransactionQueue", "0"),
        .init("enableCalcFilterBitMap", "false"), .init("expectConsumerNumUseFilter", "0"), .init("maxErrorRateOfBloomFilter", "0"),
        .init("filterDataCleanTimeSpan", "0"), .init("filterSupportRetry", "false"), .init("transactionTimeOut", "0"),
        .init("transactionCheckMax", "0"), .init("transactionCheckInterval", "0"), .init("storeReplyMessageEnable", "false"),
        .init("enableDetailStat", "false"), .init("autoDeleteUnusedStats", "false"), .init("isolateLogEnable", "false"),
        .init("configBlackList", "configBlackList;brokerConfigPath"),
        // The store
        .init("storePathDLedgerCommitLog", ""), .init("bitMapLengthConsumeQueueExt", "0"), .init("useReentrantLockWhenPutMessage", "true"),
        .init("flushIntervalConsumeQueue", "0"), .init("putMsgIndexHightWater", "0"), .init("flushConsumeQueueLeastPages", "0"),
        .init("flushConsumeQueueThoroughInterval", "0"), .init("messageIndexSafe", "false"), .init("haSendHeartbeatInterval", "0"),
        .init("haHousekeepingInterval", "0"), .init("haTransferBatchSize", "0"), .init("haMasterAddress", ""), .init("haSlaveFallbehindMax", "0"),
        .init("slaveTimeout", "0"), .init("offsetCheckInSlave", "false"), .init("debugLockEnable", "false"), .init("diskFallRecorded", "false"),
        .init("dLegerGroup", ""), .init("dLegerPeers", ""), .init("dLegerSelfId", ""), .init("preferredLeaderId", ""),
        .init("isEnableBatchPush", "false"), .init("enableScheduleMessageStats", "false"), .init("enableScheduleAsyncDeliver", "false"),
        .init("scheduleAsyncDeliverMaxPendingLimit", "0"), .init("scheduleAsyncDeliverMaxResendNum2Blocked", "0"),
        // The network: 0 leaves the size of a buffer to the system, the largest number is no limit
        .init("serverOnewaySemaphoreValue", "2147483647"), .init("serverAsyncSemaphoreValue", "2147483647"),
        .init("serverSocketSndBufSize", "0"), .init("serverSocketRcvBufSize", "0"), .init("writeBufferHighWaterMark", "0"),
        .init("writeBufferLowWaterMark", "0"), .init("serverSocketBacklog", "1024"), .init("serverPooledByteBufAllocatorEnable", "false"),
        .init("clientOnewaySemaphoreValue", "2147483647"), .init("clientAsyncSemaphoreValue", "2147483647"),
        .init("connectTimeoutMillis", "3000"), .init("channelNotActiveInterval", "0"), .init("clientChannelMaxIdleTimeSeconds", "120"),
        .init("clientSocketSndBufSize", "0"), .init("clientSocketRcvBufSize", "0"), .init("clientPooledByteBufAllocatorEnable", "false"),
        .init("clientCloseSocketIfTimeout", "false"), .init("useTLS", "false"),
    ]

    /// Keys of other releases.
    private static let gone: Set<ByteText> = ["enableBatchPush", "rmqAddressServerDomain", "rmqAddressServerSubGroup"]
}

extension UnhonouredSetting {
    fileprivate init(_ key: String, _ value: String, _ answer: Answer = .warning) {
        self.init(key: key, answer: answer) { _ in value }
    }
}

extension BrokerConfiguration {
    static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// Event loops that a broker with this configuration runs: what is configured, or one per processor. A loop is one bit of
    /// the words that say who waits for what, so 64 at most.
    var eventLoopCount: Int { eventLoops > 0 ? eventLoops : min(64, Self.processorCount) }
}
