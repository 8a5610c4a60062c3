import RMQCommon

/// Keys of the reference's network that have no counterpart here: kept, shown and written back, as its tools expect, and no more.
struct ServerTuning: Sendable, Equatable {
    var serverWorkerThreads: Int32 = 8
    var serverCallbackExecutorThreads: Int32 = 0
    var serverOnewaySemaphoreValue: Int32 = 256
    var serverAsyncSemaphoreValue: Int32 = 64
    var serverSocketSndBufSize: Int32 = 0
    var serverSocketRcvBufSize: Int32 = 0
    var writeBufferHighWaterMark: Int32 = 0
    var writeBufferLowWaterMark: Int32 = 0
    var serverSocketBacklog: Int32 = 1024
    var serverPooledByteBufAllocatorEnable = true
    var useEpollNativeSelector = false
}

extension ServerTuning {
    static let threadSettings: [Setting<Self>] = [
        kept("serverWorkerThreads", \.serverWorkerThreads, 1...1024, because: "The event loops serve the requests themselves."),
        kept("serverCallbackExecutorThreads", \.serverCallbackExecutorThreads, 0...1024, because: "There is no pool for callbacks."),
    ]

    static let semaphoreSettings: [Setting<Self>] = [
        kept("serverOnewaySemaphoreValue", \.serverOnewaySemaphoreValue, because: "A name server sends no requests of its own."),
        kept("serverAsyncSemaphoreValue", \.serverAsyncSemaphoreValue, because: "A name server sends no requests of its own."),
    ]

    static let bufferSettings: [Setting<Self>] = [
        kept("serverSocketSndBufSize", \.serverSocketSndBufSize, because: "The system sizes the buffers of sockets."),
        kept("serverSocketRcvBufSize", \.serverSocketRcvBufSize, because: "The system sizes the buffers of sockets."),
        kept("writeBufferHighWaterMark", \.writeBufferHighWaterMark, because: "What waits for a slow peer has a bound of its own."),
        kept("writeBufferLowWaterMark", \.writeBufferLowWaterMark, because: "What waits for a slow peer has a bound of its own."),
        kept("serverSocketBacklog", \.serverSocketBacklog, because: "It is always 1024."),
        Setting.flag("serverPooledByteBufAllocatorEnable", \.serverPooledByteBufAllocatorEnable, "")
            .withoutEffect(because: "Each loop has buffers of its own."),
        Setting.flag("useEpollNativeSelector", \.useEpollNativeSelector, "").withoutEffect(isTold: false, because: "It is always `epoll`."),
    ]

    private static func kept(
        _ key: String, _ place: any SettingPlace<Self, Int32>, _ range: ClosedRange<Int32> = 0...Int32.max, because reason: String
    ) -> Setting<Self> {
        .number(key, place, range, "").withoutEffect(because: reason)
    }
}
