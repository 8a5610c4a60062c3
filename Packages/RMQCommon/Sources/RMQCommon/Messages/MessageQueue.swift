/// One queue of a topic on one broker. Ordered by topic, broker name and id, as every client orders queues to divide them.
public struct MessageQueue: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The topic whose queue it is.
    @ByteText public var topic: String
    /// The set of brokers that holds it: a master and its slaves share one name.
    @ByteText public var brokerName: String
    /// From 0 on, less than the topic's queue count at that broker.
    public var queueId: Int32

    public init(topic: String, brokerName: String, queueId: Int32) {
        self.topic = topic
        self.brokerName = brokerName
        self.queueId = queueId
    }

    /// Reads `{"brokerName":…,"queueId":…,"topic":…}`, also where it stands as text inside a string, as some clients write keys.
    public init(json: JSONValue) throws(JSONError) {
        var json = json
        if case .string(let text) = json { json = try JSONValue(parsing: text) }
        let object = try json.requireObject("messageQueue")
        topic = try object.string("topic", default: "")
        brokerName = try object.string("brokerName", default: "")
        queueId = try object.int32("queueId", default: 0)
    }

    /// The object that ``init(json:)`` reads.
    public var json: JSONValue {
        ["brokerName": .string(brokerName), "queueId": JSONValue(queueId), "topic": .string(topic)]
    }

    public static func < (left: MessageQueue, right: MessageQueue) -> Bool {
        if left._topic != right._topic { return left._topic < right._topic }
        if left._brokerName != right._brokerName { return left._brokerName < right._brokerName }
        return left.queueId < right.queueId
    }

    /// As the reference prints it: `MessageQueue [topic=T, brokerName=b, queueId=0]`.
    public var description: String { "MessageQueue [topic=\(topic), brokerName=\(brokerName), queueId=\(queueId)]" }
}
