import RMQCommon

/// One configuration key: its name, how it reads and prints, and whether a command may change it.
///
/// The table below is the whole list; a new key is a new row and a property of ``NameServerConfiguration``.
struct ConfigurationItem: Sendable {
    /// What the update command may do with a key.
    enum Change: Sendable {
        /// Takes effect at once.
        case live
        /// Accepted and written to the file; the server takes it up when it starts next.
        case atRestart
        /// Refused. Paths, addresses and whatever opens connections: a command that could change them would
        /// let anybody who reaches the port write files or point the server elsewhere (CVE-2023-37582).
        case never
    }

    let name: String
    let change: Change
    /// nil for a value that is not set.
    let text: @Sendable (NameServerConfiguration) -> String?
    let apply: @Sendable (inout NameServerConfiguration, String) throws(ConfigurationError) -> Void
    /// What stands for a value of a file that cannot be read, as at the reference; nil where such a value stops the start,
    /// because the server would be somewhere else than where it is looked for.
    var fallback: String?

    /// Whether the two print differently.
    func hasOtherText(in left: NameServerConfiguration, than right: NameServerConfiguration) -> Bool {
        text(left).map { ByteText($0) } != text(right).map { ByteText($0) }
    }

    /// Every key, in the reference's order: the name server's own, then the network's.
    static let all: [ConfigurationItem] = [
        ConfigurationItem(name: "rocketmqHome", change: .never, text: { $0.rocketmqHome }, apply: { $0.rocketmqHome = $1 }),
        path("kvConfigPath", \.kvConfigPath),
        path("configStorePath", \.configStorePath),
        text("productEnvName", \.productEnvName),
        flag("clusterTest", .never, \.clusterTest),
        flag("orderMessageEnable", .live, \.orderMessageEnable),
        text("configBlackList", \.configBlackList, mayBeEmpty: true),
        port("listenPort", \.listenPort),
        integer("serverWorkerThreads", \.serverWorkerThreads, 1...1024),
        integer("serverCallbackExecutorThreads", \.serverCallbackExecutorThreads, 0...1024),
        integer("serverSelectorThreads", \.serverSelectorThreads, 1...256),
        integer("serverOnewaySemaphoreValue", \.serverOnewaySemaphoreValue, 0...Int32.max),
        integer("serverAsyncSemaphoreValue", \.serverAsyncSemaphoreValue, 0...Int32.max),
        integer("serverChannelMaxIdleTimeSeconds", \.serverChannelMaxIdleTimeSeconds, 1...86_400),
        integer("serverSocketSndBufSize", \.serverSocketSndBufSize, 0...Int32.max),
        integer("serverSocketRcvBufSize", \.serverSocketRcvBufSize, 0...Int32.max),
        integer("writeBufferHighWaterMark", \.writeBufferHighWaterMark, 0...Int32.max),
        integer("writeBufferLowWaterMark", \.writeBufferLowWaterMark, 0...Int32.max),
        integer("serverSocketBacklog", \.serverSocketBacklog, 0...Int32.max),
        flag("serverPooledByteBufAllocatorEnable", .atRestart, \.serverPooledByteBufAllocatorEnable),
        flag("useEpollNativeSelector", .atRestart, \.useEpollNativeSelector),
        text("bindAddress", \.bindAddress),
    ]

    /// Keys that tune a machine which does not exist here: known, shown and written back, and no more.
    static let withoutEffect: Set<ByteText> = [
        "productEnvName", "serverWorkerThreads", "serverCallbackExecutorThreads", "serverOnewaySemaphoreValue", "serverAsyncSemaphoreValue",
        "serverSocketSndBufSize", "serverSocketRcvBufSize", "writeBufferHighWaterMark", "writeBufferLowWaterMark", "serverSocketBacklog",
        "serverPooledByteBufAllocatorEnable",
    ]

    static let byName: [ByteText: ConfigurationItem] = Dictionary(uniqueKeysWithValues: all.map { (ByteText($0.name), $0) })
}

// MARK: - Kinds of values

extension ConfigurationItem {
    private typealias Path<Value> = any WritableKeyPath<NameServerConfiguration, Value> & Sendable

    private static func text(_ name: String, _ path: Path<String>, mayBeEmpty: Bool = false) -> ConfigurationItem {
        text(name, path, mayBeEmpty: mayBeEmpty, normalized: Configuration.trimmed)
    }

    /// As it is written: a blank at the end may be a part of the file's name.
    private static func path(_ name: String, _ path: Path<String>) -> ConfigurationItem {
        text(name, path, mayBeEmpty: false) { $0 }
    }

    private static func text(
        _ name: String, _ path: Path<String>, mayBeEmpty: Bool, normalized: @escaping @Sendable (String) -> String
    ) -> ConfigurationItem {
        ConfigurationItem(
            name: name, change: .never, text: { $0[keyPath: path] },
            apply: { configuration, value throws(ConfigurationError) in
                let text = normalized(value)
                guard mayBeEmpty || !text.isEmpty else { throw .badValue(key: name, value: value, allowed: "a text that is not empty") }
                configuration[keyPath: path] = text
            })
    }

    private static func defaultText(_ path: Path<some LosslessStringConvertible & Sendable>) -> String {
        String(NameServerConfiguration(userHome: "")[keyPath: path])
    }

    private static func flag(_ name: String, _ change: Change, _ path: Path<Bool>) -> ConfigurationItem {
        ConfigurationItem(
            name: name, change: change, text: { String($0[keyPath: path]) },
            apply: { configuration, value throws(ConfigurationError) in
                switch ByteText(Configuration.trimmed(value).asciiLowercased) {
                case "true": configuration[keyPath: path] = true
                case "false": configuration[keyPath: path] = false
                default: throw .badValue(key: name, value: value, allowed: "true or false")
                }
            }, fallback: "false")
    }

    private static func integer(_ name: String, _ path: Path<Int32>, _ range: ClosedRange<Int32>) -> ConfigurationItem {
        ConfigurationItem(
            name: name, change: .atRestart, text: { String($0[keyPath: path]) },
            apply: { configuration, value throws(ConfigurationError) in
                guard let number = Int32(Configuration.trimmed(value)), range.contains(number) else {
                    throw .badValue(key: name, value: value, allowed: "a number from \(range.lowerBound) to \(range.upperBound)")
                }
                configuration[keyPath: path] = number
            }, fallback: defaultText(path))
    }

    private static func port(_ name: String, _ path: Path<UInt16>) -> ConfigurationItem {
        ConfigurationItem(name: name, change: .never, text: { String($0[keyPath: path]) }) { configuration, value throws(ConfigurationError) in
            guard let number = UInt16(Configuration.trimmed(value)) else {
                throw .badValue(key: name, value: value, allowed: "a port number from 0 (any free one) to \(UInt16.max)")
            }
            configuration[keyPath: path] = number
        }
    }
}
