import RMQCommon
import RMQRemoting
import Synchronization

/// What brokers do for the consumers of a group.
extension FakeCluster {
    /// Gives a message to its group again, at once whatever the delay; or to the dead letters, as a broker does.
    func takeBack(_ header: SendBackHeader, at server: String) -> RemotingCommand {
        state.withLock { state in
            let stored = state.messages.filter { $0.key.brokerName == server }.values.joined()
            guard var message = stored.first(where: { $0.physicalOffset == header.physicalOffset }) else {
                return .response(.systemError, remark: "look message by offset failed, \(header.physicalOffset)")
            }
            let isDead = header.delayLevel < 0 || message.reconsumeTimes >= header.maxReconsumeTimes ?? 16
            if message.properties[PropertyName.retryTopic] == nil { message.properties[PropertyName.retryTopic] = message.topic }
            message.topic = isDead ? DeadLetterTopic.name(header.group) : RetryTopic.name(header.group)
            message.reconsumeTimes += 1
            let queue = MessageQueue(topic: message.topic, brokerName: server, queueId: 0)
            message.queueId = 0
            message.queueOffset = Int64(state.messages[queue]?.count ?? 0)
            message.physicalOffset = state.nextPhysicalOffset
            state.nextPhysicalOffset += 100
            state.messages[queue, default: []].append(message)
            return .response(.success)
        }
    }

    /// The texts of the messages in a queue of broker `a`.
    func texts(in topic: String, queue id: Int32 = 0) -> [String] {
        state.withLock { $0.messages[MessageQueue(topic: topic, brokerName: "a", queueId: id)]?.map(\.text) ?? [] }
    }

    func lock(_ request: LockBatchRequest) -> RemotingCommand {
        state.withLock { state in
            let granted = request.queues.filter { (state.locks[$0] ?? request.clientId) == request.clientId }
            for queue in granted { state.locks[queue] = request.clientId }
            return .response(.success, body: LockBatchResponse(lockedQueues: granted).body)
        }
    }

    func unlock(_ request: LockBatchRequest) -> RemotingCommand {
        state.withLock { state in
            for queue in request.queues where state.locks[queue] == request.clientId { state.locks[queue] = nil }
            return .response(.success)
        }
    }
}
