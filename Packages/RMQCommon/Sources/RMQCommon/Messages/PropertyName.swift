/// The property names with a meaning of their own.
public enum PropertyName {
    /// Business keys, separated by one space.
    public static let keys = "KEYS"
    public static let tags = "TAGS"
    /// `true`: the send waits for flush and replication. Removed before a single message is stored.
    public static let waitStoreMessage = "WAIT"
    public static let delayLevel = "DELAY"
    /// The original topic of a retried message.
    public static let retryTopic = "RETRY_TOPIC"
    /// The topic before redirection to the schedule or half topic.
    public static let realTopic = "REAL_TOPIC"
    public static let realQueueId = "REAL_QID"
    /// `true`: a prepared transaction message.
    public static let transactionPrepared = "TRAN_MSG"
    public static let producerGroup = "PGROUP"
    public static let minOffset = "MIN_OFFSET"
    public static let maxOffset = "MAX_OFFSET"
    public static let buyerId = "BUYER_ID"
    /// The id of the first delivery of a retried message.
    public static let originMessageId = "ORIGIN_MESSAGE_ID"
    public static let transferFlag = "TRANSFER_FLAG"
    public static let correctionFlag = "CORRECTION_FLAG"
    public static let mq2Flag = "MQ2_FLAG"
    public static let reconsumeTime = "RECONSUME_TIME"
    public static let maxReconsumeTimes = "MAX_RECONSUME_TIMES"
    public static let consumeStartTime = "CONSUME_START_TIME"
    public static let region = "MSG_REGION"
    public static let traceOn = "TRACE_ON"
    /// The client's unique id of the message, also its transaction id.
    public static let uniqueKey = "UNIQ_KEY"
    public static let transactionPreparedQueueOffset = "TRAN_PREPARED_QUEUE_OFFSET"
    public static let transactionCheckTimes = "TRANSACTION_CHECK_TIMES"
    public static let checkImmunityTimeInSeconds = "CHECK_IMMUNITY_TIME_IN_SECONDS"
    /// The namespace.
    public static let instanceId = "INSTANCE_ID"
    public static let correlationId = "CORRELATION_ID"
    public static let replyToClient = "REPLY_TO_CLIENT"
    public static let timeToLive = "TTL"
    public static let arriveTime = "ARRIVE_TIME"
    public static let pushReplyTime = "PUSH_REPLY_TIME"
    public static let cluster = "CLUSTER"
    /// `reply` for reply messages.
    public static let messageType = "MSG_TYPE"
    public static let innerMultiDispatch = "INNER_MULTI_DISPATCH"
    public static let innerMultiQueueOffset = "INNER_MULTI_QUEUE_OFFSET"
    public static let startDeliverTime = "__STARTDELIVERTIME"
    public static let transactionId = "__transactionId__"

    /// The names that an application may not use for its own properties.
    public static let reserved = Set<ByteText>(texts: [
        keys, tags, waitStoreMessage, delayLevel, retryTopic, realTopic, realQueueId, transactionPrepared, producerGroup, minOffset,
        maxOffset, buyerId, originMessageId, transferFlag, correctionFlag, mq2Flag, reconsumeTime, maxReconsumeTimes,
        consumeStartTime, region, traceOn, uniqueKey, instanceId, correlationId, replyToClient, timeToLive, arriveTime,
        pushReplyTime, cluster, messageType, innerMultiQueueOffset,
    ])

    /// Separates the keys in `KEYS`.
    public static let keySeparator: Unicode.Scalar = " "
}
