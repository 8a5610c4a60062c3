import RMQCommon
import RMQRemoting

/// Codes 41 and 42: which client consumes a queue in order.
enum LockRequests {
    static func lock(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let request = try LockBatchRequest(body: command.body)
        try checkNames(request)
        let locked = caller.broker.clients.locks.lock(
            request.queues, group: request.consumerGroup, clientId: request.clientId, now: caller.connection.loop.now)
        return .response(.success, body: LockBatchResponse(lockedQueues: locked).body)
    }

    static func unlock(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let request = try LockBatchRequest(body: command.body)
        caller.broker.clients.locks.unlock(request.queues, group: request.consumerGroup, clientId: request.clientId)
        return .response(.success)
    }

    /// Locks outlive the connection that asked for them, so none may be large.
    private static func checkNames(_ request: LockBatchRequest) throws(Refusal) {
        let areNames = ClientLimit.allows(group: request.consumerGroup) && ClientLimit.allows(group: request.clientId)
        let limit = ClientLimit.topicBytesOfOffsets
        guard areNames, request.queues.allSatisfy({ $0.topic.utf8.count <= limit && $0.brokerName.utf8.count <= limit }) else {
            throw Refusal(
                .systemError,
                "consumerGroup and clientId have at most \(ClientLimit.groupNameLength) characters, topics and broker names \(limit) bytes")
        }
    }
}
