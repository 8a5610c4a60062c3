import RMQCommon
import RMQRemoting
import RMQStore

/// The requests of clients that are answered on the loop: they touch memory only.
struct InlineRequest {
    let answer: (RemotingCommand, ClientCaller) throws -> RemotingCommand

    init?(_ code: RequestCode) {
        switch code {
        case .heartBeat: answer = ClientRequests.heartbeat
        case .unregisterClient: answer = ClientRequests.unregister
        case .getConsumerListByGroup: answer = ClientRequests.consumerIds
        case .checkClientConfig: answer = ClientRequests.checkConfiguration
        case .queryConsumerOffset: answer = OffsetRequests.query
        case .updateConsumerOffset: answer = OffsetRequests.update
        case .getMaxOffset: answer = OffsetRequests.maximum
        case .getMinOffset: answer = OffsetRequests.minimum
        case .lockBatchMq: answer = LockRequests.lock
        case .unlockBatchMq: answer = LockRequests.unlock
        default: return nil
        }
    }
}

/// Codes 41 and 42: which client consumes a queue in order.
enum LockRequests {
    static func lock(_ command: RemotingCommand, _ caller: ClientCaller) throws -> RemotingCommand {
        let request = try LockBatchRequest(body: command.body)
        let locked = caller.broker.locks.lock(
            request.queues, group: request.consumerGroup, clientId: request.clientId, now: caller.connection.loop.now)
        return .response(.success, body: LockBatchResponse(lockedQueues: locked).body)
    }

    static func unlock(_ command: RemotingCommand, _ caller: ClientCaller) throws -> RemotingCommand {
        let request = try LockBatchRequest(body: command.body)
        caller.broker.locks.unlock(request.queues, group: request.consumerGroup, clientId: request.clientId)
        return .response(.success)
    }
}
