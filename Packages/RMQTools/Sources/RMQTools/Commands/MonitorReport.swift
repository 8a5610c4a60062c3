import RMQClient
import RMQCommon

/// What a group has still to consume of one topic.
struct UndoneMessages {
    var group: String
    var topic: String
    /// Messages, in all queues.
    var total: Int64 = 0
    /// Messages, in the queue that has most.
    var inOneQueue: Int64 = 0
    /// Milliseconds that the newest message is younger than the last consumed one, in the queue where that is longest.
    var delay: Int64 = 0

    /// Counts a queue in.
    mutating func add(_ lag: Int64, delay: Int64) {
        total &+= max(0, lag)
        inOneQueue = max(inOneQueue, lag)
        self.delay = max(self.delay, delay)
    }

    init(group: String, topic: String) {
        self.group = group
        self.topic = topic
    }
}

/// One line of `startMonitoring`, in the words of the reference.
enum MonitorReport {
    case roundBegins
    case undone(UndoneMessages)
    /// Messages that members failed to consume in the last hour.
    case failed(group: String, topic: String, count: Int64)
    /// A group asked for messages that are deleted already, and goes on at `newOffset`.
    case deleted(group: String, queue: MessageQueue, asked: Int64, newOffset: Int64, time: Int64)
    case subscriptionsDiffer(group: String)
    case isBlocked(group: String, client: String, problem: String)
    case roundEnds
}

extension MonitorReport {
    /// - Parameter message: of the topic of events; nil for one that is no such event.
    init?(deletedMessages message: StoredMessage) {
        guard let event = try? JSONValue(parsing: message.body), let group = event["consumerGroup"]?.asString,
            let queue = event["messageQueue"].flatMap({ try? MessageQueue(json: $0) }), let asked = event["offsetRequest"]?.asInt64,
            let newOffset = event["offsetNew"]?.asInt64
        else { return nil }
        self = .deleted(group: group, queue: queue, asked: asked, newOffset: newOffset, time: message.storeTimestamp)
    }

    var text: String {
        let rule = String(repeating: "=", count: 41)
        return switch self {
        case .roundBegins: rule + "beginRound"
        case .undone(let undone):
            "reportUndoneMsgs: UndoneMsgs [consumerGroup=\(undone.group), topic=\(undone.topic), undoneMsgsTotal=\(undone.total), "
                + "undoneMsgsSingleMQ=\(undone.inOneQueue), undoneMsgsDelayTimeMills=\(undone.delay)]"
        case .failed(let group, let topic, let count):
            "reportFailedMsgs: FailedMsgs [consumerGroup=\(group), topic=\(topic), failedMsgsTotalRecently=\(count)]"
        case .deleted(let group, let queue, let asked, let newOffset, let time):
            "reportDeleteMsgsEvent: DeleteMsgsEvent [offsetMovedEvent=OffsetMovedEvent [consumerGroup=\(group), messageQueue=\(queue), "
                + "offsetRequest=\(asked), offsetNew=\(newOffset)], eventTimestamp=\(time)]"
        case .subscriptionsDiffer(let group): " [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: \(group), Subscription different"
        case .isBlocked(let group, let client, let problem):
            " [NOTIFY] reportConsumerRunningInfo: ConsumerGroup: \(group), ClientId: \(client), \(problem)"
        case .roundEnds: rule + "endRound"
        }
    }

    /// - Parameter time: when it is reported, in milliseconds since 1970.
    func json(at time: Int64) -> JSONValue {
        let (event, more) = facts
        return .object(JSONObject([("time", JSONValue(time)), ("event", .string(event))] + more))
    }

    private var facts: (event: String, more: [(JSONValue, JSONValue)]) {
        switch self {
        case .roundBegins: ("beginRound", [])
        case .undone(let undone):
            ("undoneMsgs", [
                ("consumerGroup", .string(undone.group)), ("topic", .string(undone.topic)), ("undoneMsgsTotal", JSONValue(undone.total)),
                ("undoneMsgsSingleMQ", JSONValue(undone.inOneQueue)), ("undoneMsgsDelayTimeMills", JSONValue(undone.delay)),
            ])
        case .failed(let group, let topic, let count):
            ("failedMsgs", [("consumerGroup", .string(group)), ("topic", .string(topic)), ("failedMsgsTotalRecently", JSONValue(count))])
        case .deleted(let group, let queue, let asked, let newOffset, let time):
            ("deleteMsgs", [
                ("consumerGroup", .string(group)), ("messageQueue", queue.json), ("offsetRequest", JSONValue(asked)),
                ("offsetNew", JSONValue(newOffset)), ("eventTimestamp", JSONValue(time)),
            ])
        case .subscriptionsDiffer(let group): ("subscriptionDifferent", [("consumerGroup", .string(group))])
        case .isBlocked(let group, let client, let problem):
            ("blocked", [("consumerGroup", .string(group)), ("clientId", .string(client)), ("problem", .string(problem))])
        case .roundEnds: ("endRound", [])
        }
    }
}
