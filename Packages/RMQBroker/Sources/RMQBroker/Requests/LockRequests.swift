import RMQRemoting

/// Codes 41 and 42: which client consumes a queue in order.
enum LockRequests {
    static func lock(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let request = try LockBatchRequest(body: command.body)
        let locked = caller.broker.clients.locks.lock(
            request.queues, group: request.consumerGroup, clientId: request.clientId, now: caller.connection.loop.now)
        return .response(.success, body: LockBatchResponse(lockedQueues: locked).body)
    }

    static func unlock(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let request = try LockBatchRequest(body: command.body)
        caller.broker.clients.locks.unlock(request.queues, group: request.consumerGroup, clientId: request.clientId)
        return .response(.success)
    }
}
