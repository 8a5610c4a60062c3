public import RMQCommon

// What consumers say of themselves when they are asked: the answers to 307 and 309; and what is asked about a subscription (46).

/// What a consumer is doing: the answer to 307.
public struct ConsumerRunningInfo: JSONBody {
    /// How a push consumer stands in one queue. Times are milliseconds since 1970, 0 for never.
    public struct Queue: JSONBody, Hashable {
        /// The group's offset; −1 when it is not known.
        public var commitOffset: Int64 = 0
        /// Of the messages that are not consumed yet, 0 when there is none: the first one's offset.
        public var cachedMinOffset: Int64 = 0
        /// The last one's.
        public var cachedMaxOffset: Int64 = 0
        /// Their number.
        public var cachedCount: Int64 = 0
        /// The size of their bodies in whole MiB.
        public var cachedMebibytes: Int64 = 0
        /// Of the messages that an orderly consumer has in hand: the first one's offset.
        public var takenMinOffset: Int64 = 0
        /// The last one's.
        public var takenMaxOffset: Int64 = 0
        /// Their number.
        public var takenCount: Int64 = 0
        /// Whether an orderly consumer holds the broker's lock of the queue.
        public var isLocked = false
        /// How often giving the queue up had to wait.
        public var unlockTries: Int64 = 0
        /// When the lock was granted last.
        public var lastLockTime: Int64 = 0
        /// Whether the queue was taken away.
        public var isDropped = false
        /// When the queue was pulled last.
        public var lastPullTime: Int64 = 0
        /// When a message of the queue was handled last.
        public var lastConsumeTime: Int64 = 0

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("cachedMsgCount", &cachedCount)
            try members.optional("cachedMsgMaxOffset", &cachedMaxOffset)
            try members.optional("cachedMsgMinOffset", &cachedMinOffset)
            try members.optional("cachedMsgSizeInMiB", &cachedMebibytes)
            try members.optional("commitOffset", &commitOffset)
            try members.optional("droped", &isDropped)
            try members.optional("lastConsumeTimestamp", &lastConsumeTime)
            try members.optional("lastLockTimestamp", &lastLockTime)
            try members.optional("lastPullTimestamp", &lastPullTime)
            try members.optional("locked", &isLocked)
            try members.optional("transactionMsgCount", &takenCount)
            try members.optional("transactionMsgMaxOffset", &takenMaxOffset)
            try members.optional("transactionMsgMinOffset", &takenMinOffset)
            try members.optional("tryUnlockTimes", &unlockTries)
        }
    }

    /// What it did with one topic in the last minute.
    public struct Status: JSONBody, Hashable {
        /// Milliseconds of a pull that found messages, on the average.
        public var pullTime = 0.0
        /// Messages that it pulled a second.
        public var pulledPerSecond = 0.0
        /// Milliseconds of a handler, on the average; of the last hour when nothing was handled in the last minute.
        public var consumeTime = 0.0
        /// Messages a second that were consumed.
        public var consumedPerSecond = 0.0
        /// Messages a second that failed.
        public var failedPerSecond = 0.0
        /// Messages that failed in the last hour.
        public var failedInHour: Int64 = 0

        public init() {}

        public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
            try members.optional("consumeFailedMsgs", &failedInHour)
            try members.optional("consumeFailedTPS", &failedPerSecond)
            try members.optional("consumeOKTPS", &consumedPerSecond)
            try members.optional("consumeRT", &consumeTime)
            try members.optional("pullRT", &pullTime)
            try members.optional("pullTPS", &pulledPerSecond)
        }
    }

    /// Its settings, by the reference's names of them.
    public var properties: [ByteText: String] = [:]
    /// What it subscribes to.
    public var subscriptions: [SubscriptionData] = []
    /// The queues that a push consumer holds.
    public var queues: [MessageQueue: Queue] = [:]
    /// By topic.
    public var status: [ByteText: Status] = [:]
    /// The stacks of its threads, where it was asked for them and can tell.
    public var stacks: String?

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("jstack", &stacks)
        try members.optional("mqTable", &queues)
        try members.optional("properties", &properties)
        try members.optional("statusTable", &status)
        try members.optional("subscriptionSet", &subscriptions)
    }
}

/// How a consumer fared with a message that it was handed directly: the answer to 309.
public struct ConsumeDirectlyResult: JSONBody, Hashable {
    /// Whether the consumer takes messages in order.
    public var isOrdered = false
    /// Whether its offsets move without its doing.
    public var commitsAutomatically = true
    /// In the reference's words: `CR_SUCCESS`, `CR_LATER`, `CR_ROLLBACK`, `CR_COMMIT`, `CR_THROW_EXCEPTION`, `CR_RETURN_NULL`.
    @ByteText public var result = ""
    /// What the consumer adds, such as the text of an error.
    public var remark: String?
    /// How long its handler ran.
    public var elapsedMilliseconds: Int64 = 0

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("autoCommit", &commitsAutomatically)
        try members.optional("consumeResult", &result)
        try members.optional("order", &isOrdered)
        try members.optional("remark", &remark)
        try members.optional("spentTimeMills", &elapsedMilliseconds)
    }
}

/// Whether a broker would understand a subscription (46).
public struct CheckClientRequest: JSONBody {
    @ByteText public var clientId = ""
    @ByteText public var group = ""
    public var subscription = SubscriptionData()

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("clientId", &clientId)
        try members.optional("group", &group)
        try members.optional("subscriptionData", &subscription)
    }
}
