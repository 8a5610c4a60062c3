/// How a push consumer works. The defaults are those of the reference client.
///
/// ```swift
/// var settings = ConsumerConfiguration()
/// settings.start = .first                 // a new group reads what is there already
/// settings.maxConcurrency = 64
/// let consumer = try await client.makePushConsumer(group: "mailer", settings)
/// ```
public struct ConsumerConfiguration: Sendable {
    /// Whether the members of the group share the messages or get all of them each.
    public var model = ConsumptionModel.clustering
    /// Where a queue begins for which the group has no offset.
    ///
    /// Brokers answer 0 for a queue that still has its first messages, so that on a young topic `last` begins there too.
    public var start = StartPosition.last
    /// Most handlers at work, or deliveries unsettled, at once.
    public var maxConcurrency = 20
    /// Most messages given to a handler of `runBatches` or `runOrdered` at once. Those of `runBatches` are of one pull.
    public var batchSize = 1
    /// Most messages asked for in one pull. Brokers have a limit of their own, which is 32 for messages in memory unless configured otherwise.
    public var pullBatchSize: Int32 = 32
    /// Pause after a pull that found messages.
    public var pullInterval = Duration.zero
    /// How much is pulled ahead of the handlers.
    public var cache = CacheLimits()
    /// How the queues are divided; the same for all members of the group.
    public var allocation: any QueueAllocation = .averaged
    /// How often the queues are divided again, besides when members or queues change.
    public var rebalanceInterval = Duration.seconds(20)
    /// How often offsets are stored. After a crash, what was handled since the last time comes again.
    public var offsetPersistenceInterval = Duration.seconds(5)
    /// How often a message that fails comes again before it goes to the dead letters; nil is 16, and without end for `runOrdered`.
    public var maxRedeliveries: Int?
    /// How long a message waits here to be handed out again when the broker did not take it back.
    public var redeliveryDelay = Duration.seconds(5)
    /// How long a handler may take for a message. Then the message goes back to the broker, and what the handler says about it later does
    /// not count; the handler itself is left alone. Not for `runOrdered`.
    public var consumeTimeout = Duration.seconds(15 * 60)
    /// How long a queue of `runOrdered` stands still when its handler failed, unless the handler says so itself; 10 ms to 30 s.
    public var orderedSuspendInterval = Duration.seconds(1)
    /// Pause before a pull is repeated after an error.
    public var errorDelay = Duration.seconds(1)
    /// Code around each handler, the first one outermost.
    public var interceptors: [any ConsumeInterceptor] = []

    public init() {}
}

/// How the members of a group share messages.
public enum ConsumptionModel: Sendable, Hashable {
    /// Each message goes to one member; offsets are kept by the brokers.
    case clustering
    /// Each message goes to every member; offsets are kept in `<directory>/<client id>/<group>/offsets.json`.
    ///
    /// Give the client a fixed `InstanceName`, or every start begins without offsets.
    case broadcasting(offsetDirectory: String)
}

/// Where a queue begins that has no stored offset. It never moves a group that has one.
public enum StartPosition: Sendable, Hashable {
    /// The oldest message that the broker still has.
    case first
    /// Messages sent from now on.
    case last
    /// The first message stored at or after this time, in milliseconds since 1970.
    case timestamp(Int64)
}

/// Limits of what is cached; pulling pauses above them.
public struct CacheLimits: Sendable {
    /// Messages of a queue that wait or are being handled.
    public var messagesPerQueue = 1000
    /// Bytes of their bodies.
    public var bytesPerQueue = 100 << 20
    /// Largest distance between the first and the last cached offset of a queue. Not for `runOrdered`.
    public var maxOffsetSpan: Int64 = 2000
    /// Messages of all queues of a topic that this consumer has: shared out among them at each rebalance, in place of `messagesPerQueue`.
    public var messagesPerTopic: Int?
    /// Bytes of their bodies, in place of `bytesPerQueue`.
    public var bytesPerTopic: Int?

    public init() {}

    /// The limits of one queue out of so many of a topic.
    func shared(by queueCount: Int) -> CacheLimits {
        var limits = self
        if let messagesPerTopic { limits.messagesPerQueue = max(1, messagesPerTopic / max(1, queueCount)) }
        if let bytesPerTopic { limits.bytesPerQueue = max(1, bytesPerTopic / max(1, queueCount)) }
        return limits
    }
}

extension CacheLimits {
    /// For queues in order, where only the oldest messages are in hand.
    var withoutSpan: CacheLimits {
        var limits = self
        limits.maxOffsetSpan = .max
        return limits
    }
}

extension ConsumerConfiguration {
    /// Checks the ranges of the reference.
    func check() throws(ClientError) {
        try Self.check("maxConcurrency", Int64(maxConcurrency), 1...1000)
        try Self.check("batchSize", Int64(batchSize), 1...1024)
        try Self.check("pullBatchSize", Int64(pullBatchSize), 1...1024)
        try Self.check("cache.messagesPerQueue", Int64(cache.messagesPerQueue), 1...65_535)
        try Self.check("cache.bytesPerQueue", Int64(cache.bytesPerQueue), 1...1 << 30)
        try Self.check("cache.maxOffsetSpan", cache.maxOffsetSpan, 1...65_535)
        if let limit = cache.messagesPerTopic { try Self.check("cache.messagesPerTopic", Int64(limit), 1...6_553_500) }
        if let limit = cache.bytesPerTopic { try Self.check("cache.bytesPerTopic", Int64(limit), 1...100 << 30) }
        if let maxRedeliveries { try Self.check("maxRedeliveries", Int64(maxRedeliveries), 0...Int64(Int32.max)) }
        // A queue that is not pulled for two minutes counts as stuck.
        try Self.check("pullInterval in milliseconds", pullInterval.milliseconds, 0...65_535)
        try Self.check("errorDelay in milliseconds", errorDelay.milliseconds, 1...60_000)
        guard rebalanceInterval > .zero, offsetPersistenceInterval > .zero, consumeTimeout > .zero else {
            throw ClientError(.invalidConfiguration, "rebalanceInterval, offsetPersistenceInterval and consumeTimeout must be longer than zero")
        }
        guard redeliveryDelay >= .zero, orderedSuspendInterval >= .zero else {
            throw ClientError(.invalidConfiguration, "redeliveryDelay and orderedSuspendInterval must not be below zero")
        }
    }

    private static func check(_ name: String, _ value: Int64, _ allowed: ClosedRange<Int64>) throws(ClientError) {
        guard !allowed.contains(value) else { return }
        throw ClientError(.invalidConfiguration, "\(name) is \(value), allowed is \(allowed.lowerBound) to \(allowed.upperBound)")
    }
}
