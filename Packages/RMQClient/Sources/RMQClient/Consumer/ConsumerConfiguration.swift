/// How a push consumer works. The defaults are those of the reference client.
public struct ConsumerConfiguration: Sendable {
    public var model = ConsumptionModel.clustering
    /// Where a queue without a stored offset begins.
    public var start = StartPosition.last
    /// Most handlers at work, or deliveries unsettled, at once.
    public var maxConcurrency = 20
    /// Most messages asked for in one pull.
    public var pullBatchSize: Int32 = 32
    /// Pause after a pull that found messages.
    public var pullInterval = Duration.zero
    public var cache = CacheLimits()
    public var allocation: any QueueAllocation = .averaged
    public var rebalanceInterval = Duration.seconds(20)
    public var offsetPersistenceInterval = Duration.seconds(5)
    /// How long a message that failed waits before it is handed out again by this consumer.
    public var redeliveryDelay = Duration.seconds(5)
    /// Pause before a pull is repeated after an error.
    public var errorDelay = Duration.seconds(1)

    public init() {}
}

/// How the members of a group share messages.
public enum ConsumptionModel: Sendable, Hashable {
    /// Each message goes to one member; offsets are kept by the brokers.
    case clustering
    /// Each message goes to every member; offsets are kept in `<directory>/<client id>/<group>/offsets.json`.
    ///
    /// Give the client a fixed `InstanceName`, or every start begins anew.
    case broadcasting(offsetDirectory: String)
}

/// Where a queue begins that has no stored offset. It never moves a group that has one.
public enum StartPosition: Sendable, Hashable {
    case first
    case last
    /// The first message stored at or after this time, in milliseconds since 1970.
    case timestamp(Int64)
}

/// Limits of what is cached per queue; pulling pauses above them.
public struct CacheLimits: Sendable {
    public var messagesPerQueue = 1000
    public var bytesPerQueue = 100 << 20
    /// Largest distance between the first and the last cached offset.
    public var maxOffsetSpan: Int64 = 2000

    public init() {}
}

extension ConsumerConfiguration {
    /// Checks the ranges of the reference.
    func check() throws(ClientError) {
        try Self.check("maxConcurrency", Int64(maxConcurrency), 1...1000)
        try Self.check("pullBatchSize", Int64(pullBatchSize), 1...1024)
        try Self.check("cache.messagesPerQueue", Int64(cache.messagesPerQueue), 1...65_535)
        try Self.check("cache.bytesPerQueue", Int64(cache.bytesPerQueue), 1...1 << 30)
        try Self.check("cache.maxOffsetSpan", cache.maxOffsetSpan, 1...65_535)
        guard rebalanceInterval > .zero, offsetPersistenceInterval > .zero, errorDelay > .zero, redeliveryDelay >= .zero else {
            throw ClientError(.invalidConfiguration, "intervals of a consumer must be longer than zero")
        }
    }

    private static func check(_ name: String, _ value: Int64, _ allowed: ClosedRange<Int64>) throws(ClientError) {
        guard !allowed.contains(value) else { return }
        throw ClientError(.invalidConfiguration, "\(name) is \(value), allowed is \(allowed.lowerBound) to \(allowed.upperBound)")
    }
}
