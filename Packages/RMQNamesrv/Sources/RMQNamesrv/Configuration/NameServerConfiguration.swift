public import RMQCommon

/// What a name server is started with. Names and defaults of the keys are in `ConfigurationItem`.
public struct NameServerConfiguration: Sendable, Equatable {
    /// Where the distribution is installed. Kept for the reference's tools, which print it; nothing here reads it.
    public var rocketmqHome: String?
    /// The file that keeps the key-value configuration.
    public var kvConfigPath: String
    /// The file that a change by command is written to: the `-c` file when there is one.
    public var configStorePath: String
    /// The environment that cluster-test mode asks for unknown topics.
    public var productEnvName = "center"
    /// Ask another environment's name servers for topics that are unknown here.
    public var clusterTest = false
    /// Attach the order configuration of a topic to its route. May change while running.
    public var orderMessageEnable = false
    /// Keys that must not change by command, `;` between them; they only ever narrow the built-in allow-list.
    public var configBlackList = "configBlackList;configStorePath;kvConfigPath"

    /// The port to listen on; 0 takes a free one.
    public var listenPort: UInt16 = 9876
    /// The address to listen on; `0.0.0.0` or `::` for all interfaces. The reference always listens on all.
    public var bindAddress = "127.0.0.1"
    public var serverWorkerThreads: Int32 = 8
    public var serverCallbackExecutorThreads: Int32 = 0
    /// Event loops of a stand-alone name server.
    public var serverSelectorThreads: Int32 = 3
    public var serverOnewaySemaphoreValue: Int32 = 256
    public var serverAsyncSemaphoreValue: Int32 = 64
    /// A connection with no traffic for this long is closed.
    public var serverChannelMaxIdleTimeSeconds: Int32 = 120
    public var serverSocketSndBufSize: Int32 = 0
    public var serverSocketRcvBufSize: Int32 = 0
    public var writeBufferHighWaterMark: Int32 = 0
    public var writeBufferLowWaterMark: Int32 = 0
    public var serverSocketBacklog: Int32 = 1024
    public var serverPooledByteBufAllocatorEnable = true
    public var useEpollNativeSelector = false

    /// Keys of the `-c` file that no part of the server knows: shown by the configuration request and written back.
    public var unknownItems: [ByteText: String] = [:]

    /// The defaults, with data files under `<userHome>/namesrv`.
    public init(userHome: String) {
        kvConfigPath = userHome + "/namesrv/kvConfig.json"
        configStorePath = userHome + "/namesrv/namesrv.properties"
    }

    /// The defaults for the user of this process, with `ROCKETMQ_HOME` and `HOME` of its environment.
    public init() {
        self.init(userHome: Environment.userHome)
        rocketmqHome = Environment.value("ROCKETMQ_HOME")
    }
}
