/// The topics that belong to the system.
public enum SystemTopic {
    /// The template of topics that are made by sending to them.
    public static let autoCreate = "TBW102"
    public static let schedule = "SCHEDULE_TOPIC_XXXX"
    public static let benchmark = "BenchmarkTest"
    public static let transactionHalf = "RMQ_SYS_TRANS_HALF_TOPIC"
    public static let transactionOperations = "RMQ_SYS_TRANS_OP_HALF_TOPIC"
    public static let transactionCheckExceeded = "TRANS_CHECK_MAX_TIME_TOPIC"
    public static let trace = "RMQ_SYS_TRACE_TOPIC"
    public static let selfTest = "SELF_TEST_TOPIC"
    public static let offsetMoved = "OFFSET_MOVED_EVENT"
    public static let prefix = "rmq_sys_"

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
    public static let prefix = "CID_RMQ_SYS_"
    public static let transaction = "CID_RMQ_SYS_TRANS"
    public static let defaultProducer = "DEFAULT_PRODUCER"
    public static let defaultConsumer = "DEFAULT_CONSUMER"
    public static let innerProducer = "CLIENT_INNER_PRODUCER"
    public static let tools = "TOOLS_CONSUMER"
    public static let selfTestConsumer = "SELF_TEST_C_GROUP"
    public static let selfTestProducer = "SELF_TEST_P_GROUP"
    public static let schedule = "SCHEDULE_CONSUMER"
    public static let monitor = "__MONITOR_CONSUMER"

    /// The groups that every broker's table holds from the start.
    public static let builtIn = [
        tools, "FILTERSRV_CONSUMER", selfTestConsumer, "CID_ONS-HTTP-PROXY", "CID_ONSAPI_PULL", "CID_ONSAPI_PERMISSION", "CID_ONSAPI_OWNER",
    ]

    public static func isSystem(_ group: String) -> Bool { group.hasBytePrefix(prefix) }
}

/// Where messages wait that a group failed to consume.
public enum RetryTopic {
    public static let prefix = "%RETRY%"
    public static func name(_ group: String) -> String { prefix + group }
    public static func isRetry(_ topic: String) -> Bool { topic.hasBytePrefix(prefix) }
    /// The group of a retry topic; nil for another topic.
    public static func group(of topic: String) -> String? { topic.droppingBytePrefix(prefix) }
}

/// Where messages end that a group failed to consume too often.
public enum DeadLetterTopic {
    public static let prefix = "%DLQ%"
    public static func name(_ group: String) -> String { prefix + group }
    public static func isDeadLetter(_ topic: String) -> Bool { topic.hasBytePrefix(prefix) }
}

/// Queues by the thousand that share the messages of an ordinary topic.
public enum LightQueue {
    public static let prefix = "%LMQ%"
    public static func isLight(_ topic: String) -> Bool { topic.hasBytePrefix(prefix) }
}
