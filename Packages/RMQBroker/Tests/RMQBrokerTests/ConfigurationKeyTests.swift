@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// What GET_BROKER_CONFIG answers: tools of the reference break where a key is missing.
@Suite(.takesTurns) struct ConfigurationKeyTests {
    /// The fields of the reference's BrokerConfig, NettyServerConfig, NettyClientConfig and MessageStoreConfig in release 4.9.8.
    private static let keys = """
        rocketmqHome namesrvAddr brokerIP1 brokerIP2 brokerName brokerClusterName brokerId brokerPermission
        defaultTopicQueueNums autoCreateTopicEnable clusterTopicEnable brokerTopicEnable autoCreateSubscriptionGroup
        messageStorePlugIn msgTraceTopicName traceTopicEnable sendMessageThreadPoolNums putMessageFutureThreadPoolNums
        pullMessageThreadPoolNums processReplyMessageThreadPoolNums queryMessageThreadPoolNums adminBrokerThreadPoolNums
        clientManageThreadPoolNums consumerManageThreadPoolNums heartbeatThreadPoolNums endTransactionThreadPoolNums
        flushConsumerOffsetInterval flushConsumerOffsetHistoryInterval rejectTransactionMessage fetchNamesrvAddrByAddressServer
        sendThreadPoolQueueCapacity putThreadPoolQueueCapacity pullThreadPoolQueueCapacity replyThreadPoolQueueCapacity
        queryThreadPoolQueueCapacity clientManagerThreadPoolQueueCapacity consumerManagerThreadPoolQueueCapacity
        heartbeatThreadPoolQueueCapacity endTransactionPoolQueueCapacity filterServerNums longPollingEnable
        shortPollingTimeMills notifyConsumerIdsChangedEnable highSpeedMode commercialEnable commercialTimerCount
        commercialTransCount commercialBigCount commercialBaseCount transferMsgByHeap maxDelayTime regionId
        registerBrokerTimeoutMills slaveReadEnable disableConsumeIfConsumerReadSlowly consumerFallbehindThreshold
        brokerFastFailureEnable waitTimeMillsInSendQueue waitTimeMillsInPullQueue waitTimeMillsInHeartbeatQueue
        waitTimeMillsInTransactionQueue startAcceptSendRequestTimeStamp traceOn enableCalcFilterBitMap
        expectConsumerNumUseFilter maxErrorRateOfBloomFilter filterDataCleanTimeSpan filterSupportRetry enablePropertyFilter
        compressedRegister forceRegister registerNameServerPeriod transactionTimeOut transactionCheckMax
        transactionCheckInterval aclEnable storeReplyMessageEnable enableDetailStat autoDeleteUnusedStats isolateLogEnable
        configBlackList
        listenPort serverWorkerThreads serverCallbackExecutorThreads serverSelectorThreads serverOnewaySemaphoreValue
        serverAsyncSemaphoreValue serverChannelMaxIdleTimeSeconds serverSocketSndBufSize serverSocketRcvBufSize
        writeBufferHighWaterMark writeBufferLowWaterMark serverSocketBacklog serverPooledByteBufAllocatorEnable
        useEpollNativeSelector
        clientWorkerThreads clientCallbackExecutorThreads clientOnewaySemaphoreValue clientAsyncSemaphoreValue
        connectTimeoutMillis channelNotActiveInterval clientChannelMaxIdleTimeSeconds clientSocketSndBufSize
        clientSocketRcvBufSize clientPooledByteBufAllocatorEnable clientCloseSocketIfTimeout useTLS writeBufferHighWaterMark
        writeBufferLowWaterMark
        storePathRootDir storePathCommitLog storePathDLedgerCommitLog readOnlyCommitLogStorePaths mappedFileSizeCommitLog
        mappedFileSizeConsumeQueue enableConsumeQueueExt mappedFileSizeConsumeQueueExt bitMapLengthConsumeQueueExt
        flushIntervalCommitLog commitIntervalCommitLog useReentrantLockWhenPutMessage flushCommitLogTimed
        flushIntervalConsumeQueue cleanResourceInterval deleteCommitLogFilesInterval deleteConsumeQueueFilesInterval
        destroyMapedFileIntervalForcibly redeleteHangedFileInterval deleteWhen diskMaxUsedSpaceRatio fileReservedTime
        putMsgIndexHightWater maxMessageSize checkCRCOnRecover flushCommitLogLeastPages commitCommitLogLeastPages
        flushLeastPagesWhenWarmMapedFile flushConsumeQueueLeastPages flushCommitLogThoroughInterval
        commitCommitLogThoroughInterval flushConsumeQueueThoroughInterval maxTransferBytesOnMessageInMemory
        maxTransferCountOnMessageInMemory maxTransferBytesOnMessageInDisk maxTransferCountOnMessageInDisk
        accessMessageInMemoryMaxRatio messageIndexEnable maxHashSlotNum maxIndexNum maxMsgsNumBatch messageIndexSafe
        haListenPort haSendHeartbeatInterval haHousekeepingInterval haTransferBatchSize haMasterAddress haSlaveFallbehindMax
        brokerRole flushDiskType syncFlushTimeout slaveTimeout messageDelayLevel flushDelayOffsetInterval
        cleanFileForciblyEnable warmMapedFileEnable offsetCheckInSlave debugLockEnable duplicationEnable diskFallRecorded
        osPageCacheBusyTimeOutMills defaultQueryMaxNum transientStorePoolEnable transientStorePoolSize
        fastFailIfNoBufferInStorePool enableDLegerCommitLog dLegerGroup dLegerPeers dLegerSelfId preferredLeaderId
        isEnableBatchPush enableScheduleMessageStats enableLmq enableMultiDispatch maxLmqConsumeQueueNum
        enableScheduleAsyncDeliver scheduleAsyncDeliverMaxPendingLimit scheduleAsyncDeliverMaxResendNum2Blocked
        """.split(whereSeparator: \.isWhitespace).map(String.init)

    private func shown(_ peer: Peer) async throws -> [String: String] {
        let properties = PropertiesText.parse(try await peer.ask(.getBrokerConfig).text)
        #expect(Set(properties.map(\.key)).count == properties.count, "no key twice")
        return Dictionary(properties.map { ($0.key, $0.value) }) { $1 }
    }

    @Test("Case 6.2: GET_BROKER_CONFIG lists every key of the reference")
    func everyKeyIsListed() async throws {
        try await withPeer { peer in
            let values = try await shown(peer)
            for key in Self.keys { #expect(values[key] != nil, "\(key)") }
            // What exportConfigs and exportMetrics read beside the keys that this broker honours.
            #expect(values["filterServerNums"] == "0")
            #expect(values["useTLS"] == "false")
            #expect(values["clientCallbackExecutorThreads"] == "\(BrokerConfiguration.processorCount)")
        }
    }

    /// Not what the file asked for, and not the reference's default, but what is so.
    @Test func theValuesAreTrue() async throws {
        try await withPeer({ $0.eventLoops = 2 }) { peer in
            let values = try await shown(peer)
            #expect(values["sendMessageThreadPoolNums"] == "2")
            #expect(values["eventLoops"] == "2")
            #expect(values["rejectTransactionMessage"] == "false")
            #expect(values["transientStorePoolEnable"] == "false")
            #expect(values["brokerIP1"] == "127.0.0.1")
            #expect(values["brokerIP2"] == "127.0.0.1")
            #expect(values["storePathCommitLog"] == peer.storeRoot + "/commitlog")
        }
    }

    @Test(arguments: [
        ("useTLS", "false", nil), ("useTLS", "true", "configuration: useTLS has no effect in this broker"), ("tls.enable", "true", nil),
        ("brokerRole", "ASYNC_MASTER", nil), ("transientStorePoolEnable", "true", nil),
        ("enableBatchPush", "true", "configuration: enableBatchPush has no effect in this broker"),
    ])
    func onlyAnotherValueThanTheTrueOneIsAWarning(key: String, value: String, warning: String?) throws {
        var configuration = BrokerConfiguration()
        #expect(try configuration.apply([(key, value)]) == [warning].compactMap(\.self))
    }
}
