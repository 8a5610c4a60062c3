import RMQCommon
public import RMQRemoting

/// How a producer sends.
public struct ProducerConfiguration: Sendable {
    /// The whole send including its retries.
    public var sendTimeout = Duration.seconds(3)
    /// Tries after the first one.
    public var maxRetries = 2
    /// Answers that another broker may not give.
    public var retryableResponseCodes: Set<ResponseCode> = [
        .systemError, .serviceNotAvailable, .noPermission, .topicNotExist, .noBuyerId, .notInCurrentUnit,
    ]
    /// Treats a message that is stored but not yet safe as a failed try; makes duplicates.
    public var retriesUnlessFullyStored = false
    /// Bodies of at least this many bytes are compressed; nil never compresses.
    public var compressionThreshold: Int? = 4096
    public var compressionLevel: Int32 = 5
    /// Largest body in bytes, measured before compression; brokers check the same limit.
    public var maxMessageBytes = 4 << 20
    /// Queues of a topic that a broker creates on its first message.
    public var automaticTopicQueueCount: Int32 = 4
    /// The topic whose route tells which brokers create topics on demand.
    public var automaticTopicTemplate = SystemTopic.autoCreate

    public init() {}
}
