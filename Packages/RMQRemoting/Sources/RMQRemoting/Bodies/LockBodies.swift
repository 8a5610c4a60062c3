public import RMQCommon

// Queues held by one consumer of a group, for orderly consumption (41, 42).

/// Which queues a client wants to hold (41) or give back (42).
public struct LockBatchRequest: JSONBody {
    @ByteText public var consumerGroup: String
    @ByteText public var clientId: String
    public var queues: [MessageQueue]

    public init(consumerGroup: String, clientId: String, queues: [MessageQueue]) {
        self.consumerGroup = consumerGroup
        self.clientId = clientId
        self.queues = queues
    }

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("lockBatchRequest")
        consumerGroup = try object.string("consumerGroup")
        clientId = try object.string("clientId")
        queues = try object.list("mqSet")
    }

    public var json: JSONValue {
        [
            "clientId": JSONValue(clientId), "consumerGroup": JSONValue(consumerGroup), "mqSet": .list(queues),
        ]
    }
}

/// Which queues the client holds now: the answer to 41.
public struct LockBatchResponse: JSONBody {
    public var lockedQueues: [MessageQueue]

    public init(lockedQueues: [MessageQueue]) {
        self.lockedQueues = lockedQueues
    }

    public init(json: JSONValue) throws(JSONError) {
        lockedQueues = try json.requireObject("lockBatchResponse").list("lockOKMQSet")
    }

    public var json: JSONValue { ["lockOKMQSet": .list(lockedQueues)] }
}
