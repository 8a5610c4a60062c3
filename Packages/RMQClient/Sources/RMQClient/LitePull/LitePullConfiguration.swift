import RMQCommon

/// How a lite pull consumer works. The defaults are those of the reference client, but for the size of a pull.
///
/// ```swift
/// var settings = LitePullConfiguration()
/// settings.autoCommitInterval = nil        // the group's offsets move by `commit` alone
/// let consumer = try await client.makeLitePullConsumer(group: "report", settings)
/// ```
public struct LitePullConfiguration: Sendable {
    /// Whether the members of the group share the messages or get all of them each.
    public var model = ConsumptionModel.clustering
    /// Where a queue begins for which the group has no offset; see ``ConsumerConfiguration/start``.
    public var start = StartPosition.last
    /// How often ``LitePullConsumer/poll(timeout:)`` moves the group's offsets to what counts as consumed; at least a second. Nil moves
    /// them by ``LitePullConsumer/commit()`` alone.
    public var autoCommitInterval: Duration? = .seconds(5)
    /// Most messages asked for in one pull, which is what one poll returns; 10 in the reference.
    public var pullBatchSize: Int32 = 32
    /// Most messages that wait to be polled, of all queues; at most one pull of each more.
    public var maxCachedMessages = 10_000
    /// Limits of what waits to be polled, per queue.
    public var cache = CacheLimits()
    /// How long a poll waits that is given no time-out.
    public var pollTimeout = Duration.seconds(5)
    /// How the queues are divided; the same for all members of the group. Counts for subscriptions only.
    public var allocation: any QueueAllocation = .averaged
    /// How often the queues are divided again, besides when members or queues change.
    public var rebalanceInterval = Duration.seconds(20)
    /// How often offsets that have moved are stored.
    public var offsetPersistenceInterval = Duration.seconds(5)
    /// Pause before a pull is repeated after an error.
    public var errorDelay = Duration.seconds(1)

    public init() {}
}

extension LitePullConfiguration {
    /// Checks the ranges of the reference.
    func check() throws(ClientError) {
        var shared = ConsumerConfiguration()
        shared.pullBatchSize = pullBatchSize
        shared.cache = cache
        shared.errorDelay = errorDelay
        shared.rebalanceInterval = rebalanceInterval
        shared.offsetPersistenceInterval = offsetPersistenceInterval
        try shared.check()
        if let autoCommitInterval, autoCommitInterval < .seconds(1) {
            throw ClientError(.invalidConfiguration, "autoCommitInterval is \(autoCommitInterval), at least a second is allowed; nil turns it off")
        }
        guard (1...1_000_000).contains(maxCachedMessages) else {
            throw ClientError(.invalidConfiguration, "maxCachedMessages is \(maxCachedMessages), allowed is 1 to 1000000")
        }
        guard pollTimeout >= .zero else { throw ClientError(.invalidConfiguration, "pollTimeout is \(pollTimeout); it must not be below zero") }
    }
}

/// A place in a queue, for ``LitePullConsumer/seek(_:to:)``.
public enum SeekPosition: Sendable, Hashable {
    /// The oldest message that the broker has.
    case beginning
    /// Behind the newest message.
    case end
    /// The message with this offset, which lies between beginning and end.
    case offset(Int64)
    /// The first message stored at or after this time, in milliseconds since 1970.
    case timestamp(Int64)
}

extension ClientError.Code {
    /// A lite pull consumer both subscribes and assigns; each excludes the other.
    public static let subscriptionConflict = ClientError.Code("subscriptionConflict")
    /// A lite pull consumer has neither subscribed nor been assigned queues.
    public static let notSubscribed = ClientError.Code("notSubscribed")
    /// The queue is not this consumer's: it was never assigned, or went to another member.
    public static let queueNotAssigned = ClientError.Code("queueNotAssigned")
    /// The offset lies outside of what the broker has of the queue.
    public static let offsetOutOfRange = ClientError.Code("offsetOutOfRange")
}
