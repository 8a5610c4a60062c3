public import RMQCommon

// Queues held by one consumer of a group, for orderly consumption (41, 42).

/// Which queues a client wants to hold (41) or give back (42).
public struct LockBatchRequest: JSONBody {
    @ByteText public var consumerGroup = ""
    @ByteText public var clientId = ""
    public var queues: [MessageQueue] = []

    public init() {}

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.required("clientId", &clientId)
        try members.required("consumerGroup", &consumerGroup)
        try members.optional("mqSet", &queues)
    }
}

/// Which queues the client holds now: the answer to 41.
public struct LockBatchResponse: JSONBody {
    public var lockedQueues: [MessageQueue] = []

    public init() {}
    public init(lockedQueues: [MessageQueue]) { self.lockedQueues = lockedQueues }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("lockOKMQSet", &lockedQueues)
    }
}
