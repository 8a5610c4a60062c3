/// Keys of the reference that this broker knows but does not act on.
///
/// Some of them promise something (durability, access control, a role). A value that asks for such a promise stops the
/// start, because a broker that ignored it would acknowledge what is not true. The rest only tune a machine that does not
/// exist here; they get a warning, and so does a key that nobody knows.
enum UnhonouredSettings {
    /// - Returns: a warning, or nil when the value asks for nothing beyond what this broker does.
    static func judge(key: String, value: String) throws(BrokerConfigurationError) -> String? {
        if let only = promises[key] {
            guard value.lowercased() == only.lowercased() else {
                throw .badValue(key: key, value: value, allowed: only + " (this broker offers nothing else yet)")
            }
            return nil
        }
        if silent.contains(key) || transientPool.contains(key) { return nil }
        if tuning.contains(key) { return "configuration: \(key) has no effect in this broker" }
        return "configuration: unknown key \(key)"
    }

    /// Key → the one value that asks for nothing we lack. Shown with the configuration, since tools look for them there.
    static let promises: [String: String] = [
        "brokerRole": "ASYNC_MASTER",
        "aclEnable": "false",
        "enableDLegerCommitLog": "false",
        "enablePropertyFilter": "false",
        "duplicationEnable": "false",
        "slaveReadEnable": "false",
    ]

    /// Answered by the environment or by other keys; naming them is no mistake.
    private static let silent: Set<String> = ["rocketmqHome", "haListenPort", "forceRegister", "useEpollNativeSelector"]

    /// They keep appends away from slow pages by a second copy in memory, which a crash loses. The pages of the log are made
    /// present ahead of the writer instead: the same promise, without the copy and the loss.
    private static let transientPool: Set<String> = [
        "transientStorePoolEnable", "transientStorePoolSize", "fastFailIfNoBufferInStorePool", "commitIntervalCommitLog",
        "commitCommitLogLeastPages", "commitCommitLogThoroughInterval",
    ]

    private static let tuning: Set<String> = [
        "messageStorePlugIn", "sendMessageThreadPoolNums", "putMessageFutureThreadPoolNums", "pullMessageThreadPoolNums",
        "processReplyMessageThreadPoolNums", "queryMessageThreadPoolNums", "adminBrokerThreadPoolNums", "clientManageThreadPoolNums",
        "consumerManageThreadPoolNums", "heartbeatThreadPoolNums", "endTransactionThreadPoolNums", "flushConsumerOffsetHistoryInterval",
        "rejectTransactionMessage", "fetchNamesrvAddrByAddressServer", "sendThreadPoolQueueCapacity", "putThreadPoolQueueCapacity",
        "pullThreadPoolQueueCapacity", "replyThreadPoolQueueCapacity", "queryThreadPoolQueueCapacity",
        "clientManagerThreadPoolQueueCapacity", "consumerManagerThreadPoolQueueCapacity", "heartbeatThreadPoolQueueCapacity",
        "endTransactionPoolQueueCapacity", "filterServerNums", "highSpeedMode", "commercialEnable", "commercialTimerCount",
        "commercialTransCount", "commercialBigCount", "commercialBaseCount", "transferMsgByHeap", "maxDelayTime",
        "disableConsumeIfConsumerReadSlowly", "consumerFallbehindThreshold", "brokerFastFailureEnable", "waitTimeMillsInSendQueue",
        "waitTimeMillsInPullQueue", "waitTimeMillsInHeartbeatQueue", "waitTimeMillsInTransactionQueue", "enableCalcFilterBitMap",
        "expectConsumerNumUseFilter", "maxErrorRateOfBloomFilter", "filterDataCleanTimeSpan", "filterSupportRetry", "transactionTimeOut",
        "transactionCheckMax", "transactionCheckInterval", "storeReplyMessageEnable", "enableDetailStat", "autoDeleteUnusedStats",
        "isolateLogEnable", "configBlackList", "storePathDLedgerCommitLog",
        "bitMapLengthConsumeQueueExt", "useReentrantLockWhenPutMessage", "flushIntervalConsumeQueue", "putMsgIndexHightWater",
        "flushConsumeQueueLeastPages", "flushConsumeQueueThoroughInterval", "messageIndexSafe",
        "haSendHeartbeatInterval", "haHousekeepingInterval", "haTransferBatchSize", "haMasterAddress", "haSlaveFallbehindMax",
        "slaveTimeout", "offsetCheckInSlave", "debugLockEnable", "diskFallRecorded", "dLegerGroup", "dLegerPeers",
        "dLegerSelfId", "preferredLeaderId", "enableBatchPush", "isEnableBatchPush", "enableScheduleMessageStats",
        "enableScheduleAsyncDeliver", "scheduleAsyncDeliverMaxPendingLimit",
        "scheduleAsyncDeliverMaxResendNum2Blocked", "serverWorkerThreads", "serverCallbackExecutorThreads", "serverSelectorThreads",
        "serverOnewaySemaphoreValue", "serverAsyncSemaphoreValue", "serverSocketSndBufSize", "serverSocketRcvBufSize",
        "writeBufferHighWaterMark", "writeBufferLowWaterMark", "serverSocketBacklog", "serverPooledByteBufAllocatorEnable",
        "clientWorkerThreads", "clientCallbackExecutorThreads", "clientOnewaySemaphoreValue", "clientAsyncSemaphoreValue",
        "connectTimeoutMillis", "channelNotActiveInterval", "clientChannelMaxIdleTimeSeconds", "clientSocketSndBufSize",
        "clientSocketRcvBufSize", "clientPooledByteBufAllocatorEnable", "clientCloseSocketIfTimeout", "useTLS", "rmqAddressServerDomain",
        "rmqAddressServerSubGroup",
    ]
}
