import RMQCommon
public import RMQRemoting

/// How a producer sends. The defaults are those of the reference client.
public struct ProducerConfiguration: Sendable {
    /// The whole send including the search for the route and the retries.
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
    /// From 0 (fast) to 9 (small).
    public var compressionLevel: Int32 = 5
    /// Largest body in bytes, measured before compression; brokers check the same limit.
    public var maxMessageBytes = 4 << 20
    /// Queues of a topic that a broker creates on its first message.
    public var automaticTopicQueueCount: Int32 = 4
    /// The topic whose route tells which brokers create topics on demand.
    public var automaticTopicTemplate = SystemTopic.autoCreate

    /// Keeps brokers that answer slowly out of the choice of queues; nil takes all queues in turn.
    ///
    /// ```swift
    /// configuration.faultAvoidance = .standard
    /// ```
    public var faultAvoidance: FaultAvoidance?
    /// Code around each try of a send, the outermost first.
    public var interceptors: [any SendInterceptor] = []

    public init() {}

    func check() throws(ClientError) {
        guard sendTimeout > .zero else { throw Self.wrong("sendTimeout", "\(sendTimeout)", "more than zero") }
        guard maxRetries >= 0 else { throw Self.wrong("maxRetries", "\(maxRetries)", "0 and more") }
        guard (0...9).contains(compressionLevel) else { throw Self.wrong("compressionLevel", "\(compressionLevel)", "0 to 9") }
        guard compressionThreshold ?? 0 >= 0 else { throw Self.wrong("compressionThreshold", "\(compressionThreshold ?? 0)", "0 and more, or nil") }
        guard maxMessageBytes > 0 else { throw Self.wrong("maxMessageBytes", "\(maxMessageBytes)", "1 and more") }
        guard automaticTopicQueueCount > 0 else { throw Self.wrong("automaticTopicQueueCount", "\(automaticTopicQueueCount)", "1 and more") }
        guard faultAvoidance?.isSound ?? true else {
            throw Self.wrong("faultAvoidance", "not in order", "steps with growing latencies, nothing of them negative")
        }
        try Validation.checkTopic(automaticTopicTemplate)
    }

    private static func wrong(_ name: String, _ value: String, _ allowed: String) -> ClientError {
        ClientError(.invalidConfiguration, "\(name) is \(value), allowed is \(allowed)")
    }
}
