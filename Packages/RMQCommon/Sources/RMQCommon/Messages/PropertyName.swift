/// The property names with a meaning of their own.
public enum PropertyName {
    /// Business keys, separated by one space.
    public static let keys = "KEYS"
    /// The one word by which consumers select messages.
    public static let tags = "TAGS"
    /// `true`: the send waits for flush and replication. Removed before a single message is stored.
    public static let waitStoreMessage = "WAIT"
    /// How long delivery is put off: a number from 1 on, see ``Message/delayLevel``.
    public static let delayLevel = "DELAY"
    /// The original topic of a retried message.
    public static let retryTopic = "RETRY_TOPIC"
    /// The topic before redirection to the schedule or half topic.
    public static let realTopic = "REAL_TOPIC"
    /// The queue before redirection, beside `realTopic`.
    public static let realQueueId = "REAL_QID"
    /// `true`: a prepared transaction message.
    public static let transactionPrepared = "TRAN_MSG"
    /// The group that a broker asks what became of a transaction.
    public static let producerGroup = "PGROUP"
    /// The queue's oldest offset when the message was pulled; set by clients, never stored.
    public static let minOffset = "MIN_OFFSET"
    /// The end of the queue when the message was pulled; set by clients, never stored.
    public static let maxOffset = "MAX_OFFSET"
    /// Reserved by the reference, which gives it no meaning.
    public static let buyerId = "BUYER_ID"
    /// The id of the first delivery of a retried message.
    public static let originMessageId = "ORIGIN_MESSAGE_ID"
    /// Reserved by the reference, which gives it no meaning.
    public static let transferFlag = "TRANSFER_FLAG"
    /// Reserved by the reference, which gives it no meaning.
    public static let correctionFlag = "CORRECTION_FLAG"
    /// Reserved by the reference, which gives it no meaning.
    public static let mq2Flag = "MQ2_FLAG"
    /// How often the message was sent back, written by clients that resend it themselves.
    public static let reconsumeTime = "RECONSUME_TIME"
    /// After how many times it is a dead letter, beside `reconsumeTime`.
    public static let maxReconsumeTimes = "MAX_RECONSUME_TIMES"
    /// When a consumer began with the message, in milliseconds since 1970; set by clients, never stored.
    public static let consumeStartTime = "CONSUME_START_TIME"
    /// The broker's region, which traces name.
    public static let region = "MSG_REGION"
    /// `false` leaves the message out of traces.
    public static let traceOn = "TRACE_ON"
    /// The client's unique id of the message, also its transaction id.
    public static let uniqueKey = "UNIQ_KEY"
    /// The queue offset of the half message, once a broker wrote it anew.
    public static let transactionPreparedQueueOffset = "TRAN_PREPARED_QUEUE_OFFSET"
    /// How often the broker has asked what became of the transaction.
    public static let transactionCheckTimes = "TRANSACTION_CHECK_TIMES"
    /// Seconds after which the broker may first ask what became of the transaction.
    public static let checkImmunityTimeInSeconds = "CHECK_IMMUNITY_TIME_IN_SECONDS"
    /// The namespace.
    public static let instanceId = "INSTANCE_ID"
    /// Joins a reply to its request.
    public static let correlationId = "CORRELATION_ID"
    /// The client id that a reply goes to.
    public static let replyToClient = "REPLY_TO_CLIENT"
    /// Milliseconds that the requester waits for a reply.
    public static let timeToLive = "TTL"
    /// When the request reached the broker, in milliseconds since 1970.
    public static let arriveTime = "ARRIVE_TIME"
    /// When the broker passed the reply on, in milliseconds since 1970.
    public static let pushReplyTime = "PUSH_REPLY_TIME"
    /// The cluster whose reply topic a reply goes to.
    public static let cluster = "CLUSTER"
    /// `reply` for reply messages.
    public static let messageType = "MSG_TYPE"
    /// Further queues that the message appears in, separated by commas.
    public static let innerMultiDispatch = "INNER_MULTI_DISPATCH"
    /// Its offset in each of those queues, in the same order; written by the broker.
    public static let innerMultiQueueOffset = "INNER_MULTI_QUEUE_OFFSET"
    /// When to deliver, in milliseconds since 1970; brokers of this line do not go by it.
    public static let startDeliverTime = "__STARTDELIVERTIME"
    /// The transaction's id, as clients hand it to their listeners.
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
