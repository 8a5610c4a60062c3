/// The topics that belong to the system.
public enum SystemTopic {
    /// The template of topics that are made by sending to them.
    public static let autoCreate = "TBW102"
    /// Where delayed messages wait: queue n holds level n + 1.
    public static let schedule = "SCHEDULE_TOPIC_XXXX"
    /// For trials of speed; every broker has it from the start.
    public static let benchmark = "BenchmarkTest"
    /// Where prepared messages of transactions wait.
    public static let transactionHalf = "RMQ_SYS_TRANS_HALF_TOPIC"
    /// What became of prepared messages.
    public static let transactionOperations = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
    /// Where prepared messages end about which nobody answers.
    public static let transactionCheckExceeded = "TRANS_CHECK_MAX_TIME_TOPIC"
    /// Where clients put records of what they sent and consumed.
    public static let trace = "RMQ_SYS_TRACE_TOPIC"
    /// For a broker's trial of itself; every broker has it from the start.
    public static let selfTest = "SELF_TEST_TOPIC"
    /// Where a broker may tell that a group's offset lay outside its queue.
    public static let offsetMoved = "OFFSET_MOVED_EVENT"
    /// What every further system topic begins with.
    public static let prefix = "rmq_sys_"

    /// The system topics that have a fixed name.
    public static let names = Set<ByteText>(texts: [
        autoCreate, schedule, benchmark, transactionHalf, transactionOperations, transactionCheckExceeded, trace, selfTest, offsetMoved,
    ])

    /// A broker adds its own name, its cluster's and its reply topic.
    public static func isSystem(_ topic: String) -> Bool { names.contains(topic) || topic.hasBytePrefix(prefix) }

    /// Topics that only the broker itself writes to.
    public static func isForbiddenToSend(_ topic: String) -> Bool { forbidden.contains(topic) }

    private static let forbidden = Set<ByteText>(texts: [
        schedule, transactionHalf, transactionOperations, transactionCheckExceeded, selfTest, offsetMoved,
    ])

    /// Where replies of the request-reply pattern wait.
    public static func reply(cluster: String) -> String { cluster + "_REPLY_TOPIC" }
}

/// The groups that belong to the system.
public enum SystemGroup {
    /// What the names of system groups begin with that clients may not choose.
    public static let prefix = "CID_RMQ_SYS_"
    /// The broker's own group on the half topic.
    public static let transaction = "CID_RMQ_SYS_TRANS"
    /// The reference's placeholder for a producer that was given no group; no client may use it.
    public static let defaultProducer = "DEFAULT_PRODUCER"
    /// The reference's placeholder for a consumer that was given no group; no client may use it.
    public static let defaultConsumer = "DEFAULT_CONSUMER"
    /// The producer that every client has for its own messages.
    public static let innerProducer = "CLIENT_INNER_PRODUCER"
    /// In whose name administrators' tools read.
    public static let tools = "TOOLS_CONSUMER"
    /// The consumers of a broker's trial of itself.
    public static let selfTestConsumer = "SELF_TEST_C_GROUP"
    /// The producers of a broker's trial of itself.
    public static let selfTestProducer = "SELF_TEST_P_GROUP"
    /// In whose name a broker counts the delivery of delayed messages.
    public static let schedule = "SCHEDULE_CONSUMER"
    /// The consumer of the reference's monitor.
    public static let monitor = "__MONITOR_CONSUMER"

    /// The groups that every broker's table holds from the start.
    public static let builtIn = [
        tools, "FILTERSRV_CONSUMER", selfTestConsumer, "CID_ONS-HTTP-PROXY", "CID_ONSAPI_PULL", "CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER",
    ]

    /// By the prefix alone: not the placeholders, nor the tools' group.
    public static func isSystem(_ group: String) -> Bool { group.hasBytePrefix(prefix) }
}

/// Where messages wait that a group failed to consume.
public enum RetryTopic {
    /// What retry topics begin with; the group follows.
    public static let prefix = "%RETRY%"
    /// The retry topic of a group.
    public static func name(_ group: String) -> String { prefix + group }
    /// By the prefix alone.
    public static func isRetry(_ topic: String) -> Bool { topic.hasBytePrefix(prefix) }
    /// The group of a retry topic; nil for another topic.
    public static func group(of topic: String) -> String? { topic.droppingBytePrefix(prefix) }
}

/// Where messages end that a group failed to consume too often.
public enum DeadLetterTopic {
    /// What dead-letter topics begin with; the group follows.
    public static let prefix = "%DLQ%"
    /// The dead-letter topic of a group.
    public static func name(_ group: String) -> String { prefix + group }
    /// By the prefix alone.
    public static func isDeadLetter(_ topic: String) -> Bool { topic.hasBytePrefix(prefix) }
}

/// Queues by the thousand that share the messages of an ordinary topic.
public enum LightQueue {
    /// What the names of light queues begin with.
    public static let prefix = "%LMQ%"
    /// By the prefix alone.
    public static func isLight(_ topic: String) -> Bool { topic.hasBytePrefix(prefix) }
}
