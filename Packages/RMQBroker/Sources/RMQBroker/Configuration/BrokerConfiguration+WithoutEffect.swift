import RMQCommon
import RMQFilter
import RMQRemoting

/// Keys of the reference that this broker knows but does not act on, and the value that is true of it: tools read them from
/// GET_BROKER_CONFIG, and some break where one is missing. What has no counterpart here is shown as 0, `false` or empty.
extension BrokerConfiguration {
    static let ownWithoutEffect: [Setting<Self>] = environment + threads + queues + served

    private static let environment: [Setting<Self>] = [
        .withoutEffect("fetchNamesrvAddrByAddressServer", because: "Name servers are not looked up over HTTP.") { _ in "false" },
        .withoutEffect("rmqAddressServerDomain", because: "Name servers are not looked up over HTTP.") { _ in nil },
        .withoutEffect("rmqAddressServerSubGroup", because: "Name servers are not looked up over HTTP.") { _ in nil },
        .withoutEffect("configBlackList", because: "Which keys a command may change is a list of those that it may.") { _ in "configBlackList;brokerConfigPath" },
    ]

    private static let threads: [Setting<Self>] =
        [
            "sendMessageThreadPoolNums", "pullMessageThreadPoolNums", "clientManageThreadPoolNums", "consumerManageThreadPoolNums",
            "heartbeatThreadPoolNums",
        ].map { .withoutEffect($0, because: "The event loops serve these requests.") { String($0.eventLoopCount) } }
        + ["queryMessageThreadPoolNums", "adminBrokerThreadPoolNums"].map {
            .withoutEffect($0, because: "One pool of at most \(Workers.threadLimit) threads serves these requests.") { _ in String(Workers.threadLimit) }
        }
        + Setting.withoutEffect(
            because: "There is no such pool.",
            ["putMessageFutureThreadPoolNums": "0", "processReplyMessageThreadPoolNums": "0", "endTransactionThreadPoolNums": "0"])

    /// Tools divide by these.
    private static let queues: [Setting<Self>] = Setting.withoutEffect(
        because: "Requests are served as they come: the queue is always empty.",
        [
            "sendThreadPoolQueueCapacity": "10000", "putThreadPoolQueueCapacity": "10000", "pullThreadPoolQueueCapacity": "100000",
            "replyThreadPoolQueueCapacity": "10000", "queryThreadPoolQueueCapacity": "20000", "clientManagerThreadPoolQueueCapacity": "1000000",
            "consumerManagerThreadPoolQueueCapacity": "1000000", "heartbeatThreadPoolQueueCapacity": "50000",
            "endTransactionPoolQueueCapacity": "100000",
        ])

    private static let served: [Setting<Self>] =
        Setting.withoutEffect(
            because: "The reference does nothing with it either.",
            ["flushConsumerOffsetHistoryInterval": "0", "filterServerNums": "0", "highSpeedMode": "false", "maxDelayTime": "0"])
        + Setting.withoutEffect(
            because: "It counts for hooks of others, which cannot be added here.",
            [
                "commercialEnable": "false", "commercialTimerCount": "0", "commercialTransCount": "0", "commercialBigCount": "0",
                "commercialBaseCount": "0",
            ])
        + Setting.withoutEffect(because: "Pulled messages are written from the log's pages without a copy.", ["transferMsgByHeap": "false"])
        + Setting.withoutEffect(because: "The store cannot be wrapped by classes of others.", ["messageStorePlugIn": ""])

    static let networkWithoutEffect: [Setting<Self>] =
        ["serverWorkerThreads", "serverSelectorThreads", "clientWorkerThreads"].map {
            .withoutEffect($0, because: "The event loops do this; `eventLoops` says how many there are.") { String($0.eventLoopCount) }
        }
        + [
            .withoutEffect("clientCallbackExecutorThreads", because: "There is no pool for callbacks.") { _ in String(processorCount) },
            .withoutEffect("useEpollNativeSelector", isTold: false, because: "It is always `epoll`.") { _ in "true" },
        ]
        + Setting.withoutEffect(because: "There is no pool for callbacks.", ["serverCallbackExecutorThreads": "0"])
        + Setting.withoutEffect(
            because: "Requests of the broker's own are not counted against a limit; what waits for a slow peer is.",
            [
                "serverOnewaySemaphoreValue": "2147483647", "serverAsyncSemaphoreValue": "2147483647", "clientOnewaySemaphoreValue": "2147483647",
                "clientAsyncSemaphoreValue": "2147483647",
            ])
        + Setting.withoutEffect(
            because: "The system sizes the buffers of sockets.",
            ["serverSocketSndBufSize": "0", "serverSocketRcvBufSize": "0", "clientSocketSndBufSize": "0", "clientSocketRcvBufSize": "0"])
        + Setting.withoutEffect(
            because: "What waits for a slow peer has a bound of its own.", ["writeBufferHighWaterMark": "0", "writeBufferLowWaterMark": "0"])
        + Setting.withoutEffect(because: "It is always 1024.", ["serverSocketBacklog": "1024"])
        + Setting.withoutEffect(
            because: "Each loop has buffers of its own.", ["serverPooledByteBufAllocatorEnable": "false", "clientPooledByteBufAllocatorEnable": "false"])
        + Setting.withoutEffect(
            because: "Connections to name servers have fixed times.",
            [
                "connectTimeoutMillis": "3000", "channelNotActiveInterval": "0", "clientChannelMaxIdleTimeSeconds": "120",
                "clientCloseSocketIfTimeout": "false",
            ])
        + [Setting<Self>.withoutEffect("useTLS", because: "The key `tls.enable` says it.") { String($0.listener.tls.clientSettings != nil) }]

    static let storeWithoutEffect: [Setting<Self>] = [
        .withoutEffect("bitMapLengthConsumeQueueExt", because: "It follows from `expectConsumerNumUseFilter` and `maxErrorRateOfBloomFilter`.") {
            String($0.filterBloom.bitCount)
        }
    ]

    static let replicationWithoutEffect: [Setting<Self>] = [
        .withoutEffect("haListenPort", important: true, isTold: false, because: "It is always `listenPort` + 1.") { String($0.listener.port &+ 1) },
    ]
}
