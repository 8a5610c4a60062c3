/// One queue of a topic on one broker. Ordered by topic, broker name and id, as every client orders queues to divide them.
public struct MessageQueue: JSONBody, JSONKey, CustomStringConvertible {
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

    public init() { self.init(topic: "", brokerName: "", queueId: 0) }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerName", &brokerName)
        try members.optional("queueId", &queueId)
        try members.optional("topic", &topic)
    }

    /// Reads `{"brokerName":…,"queueId":…,"topic":…}`, also where it stands as text inside a string, as some clients write keys.
    public init(json: JSONValue) throws(JSONError) {
        var json = json
        if case .string(let text) = json { json = try JSONValue(parsing: text) }
        try self.init(members: json.requireObject("messageQueue"))
    }

    public static func readKey(_ key: JSONValue, _ name: String) throws(JSONError) -> MessageQueue { try MessageQueue(json: key) }

    public static func < (left: MessageQueue, right: MessageQueue) -> Bool {
        if left._topic != right._topic { return left._topic < right._topic }
        if left._brokerName != right._brokerName { return left._brokerName < right._brokerName }
        return left.queueId < right.queueId
    }

    /// As the reference prints it: `MessageQueue [topic=T, brokerName=b, queueId=0]`.
    public var description: String { "MessageQueue [topic=\(topic), brokerName=\(brokerName), queueId=\(queueId)]" }
}
