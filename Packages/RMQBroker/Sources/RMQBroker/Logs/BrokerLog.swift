import RMQCommon

/// The logs of a broker, by the names of the reference's loggers, each with its file.
enum BrokerLog: String, CaseIterable {
    case broker = "RocketmqBroker"
    case store = "RocketmqStore"
    case remoting = "RocketmqRemoting"
    case transaction = "RocketmqTransaction"
    case rebalanceLock = "RocketmqRebalanceLock"
    case filter = "RocketmqFilter"
    case statistics = "RocketmqStats"
    case waterMark = "RocketmqWaterMark"
    case protection = "RocketmqProtection"
    case accounts = "RocketmqCommon"

    /// The file, without its suffix.
    fileprivate var file: (name: String, megabytes: Int64, kept: Int, layout: LogLayout) {
        switch self {
        case .broker: ("broker", 128, 20, .full)
        case .store: ("store", 128, 10, .full)
        case .remoting: ("remoting", 100, 10, .full)
        case .transaction: ("transaction", 100, 10, .full)
        case .rebalanceLock: ("lock", 100, 5, .full)
        case .filter: ("filter", 100, 10, .full)
        case .statistics: ("stats", 100, 5, .withoutCategory)
        case .waterMark: ("watermark", 100, 10, .messageAlone)
        case .accounts: ("common", 128, 10, .full)
        case .protection: ("protection", 100, 10, .messageAlone)
        }
    }
}

extension Logger {
    /// The same under the name of one of the broker's logs.
    func with(_ log: BrokerLog) -> Logger { with(category: log.rawValue) }
}

/// The files that the reference's broker logs to, and runbooks look into.
///
///     ~/logs/rocketmqlogs/broker.log …              otherdays/broker.1.log.gz …
///     ~/logs/rocketmqlogs/broker-a_0/broker.log …   otherdays/broker-a_0/broker.1.log.gz …   with isolateLogEnable
struct BrokerLogFiles: LogSink {
    private let files: RoutingSink

    /// - Parameters:
    ///   - folder: of all programs' logs.
    ///   - subfolder: of this broker's; nil for none.
    /// - Throws: when a folder or a file cannot be made.
    init(in folder: String, subfolder: String? = nil) throws(SystemFailure) {
        let path = subfolder.map { "/" + $0 } ?? ""
        func open(_ name: String, megabytes: Int64, kept: Int, _ layout: LogLayout) throws(SystemFailure) -> RollingFileSink {
            try RollingFileSink(
                path: "\(folder)\(path)/\(name).log", byteLimit: megabytes << 20, keptFiles: kept, archiveFolder: "\(folder)/otherdays\(path)", layout: layout)
        }
        var sinks: [ByteText: any LogSink] = [:]
        for log in BrokerLog.allCases {
            sinks[log.rawValue] = try open(log.file.name, megabytes: log.file.megabytes, kept: log.file.kept, log.file.layout)
        }
        // Errors of the store stand in a file of their own too.
        let errors = LevelSink(.error, try open("storeerror", megabytes: 100, kept: 10, .full))
        sinks[BrokerLog.store.rawValue] = TeeSink(sinks[BrokerLog.store.rawValue]!, errors)
        files = RoutingSink(sinks, fallback: try open("broker_default", megabytes: 100, kept: 10, .full))
    }

    func write(_ record: LogRecord) { files.write(record) }
}
