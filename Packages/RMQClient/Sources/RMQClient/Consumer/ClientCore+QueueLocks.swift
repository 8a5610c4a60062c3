import RMQCommon
import RMQRemoting

/// The brokers' locks of queues that are consumed in order.
extension ClientCore {
    private static let lockTimeout = Duration.seconds(1)

    /// Asks the broker that has the queues for their locks.
    /// - Parameter queues: all of one broker.
    /// - Returns: the queues whose lock this client has now.
    func lock(_ queues: [MessageQueue], group: String) async throws(ClientError) -> Set<MessageQueue> {
        guard let first = queues.first else { return [] }
        let address = try await master(of: first)
        let response = try await call(RemotingCommand(.lockBatchMq, body: lockBody(queues, group)), at: address, timeout: Self.lockTimeout)
        do {
            return Set(try LockBatchResponse(body: response.body).lockedQueues)
        } catch {
            throw .malformed("the locks of \(group)", from: address, error)
        }
    }

    /// Gives locks back.
    /// - Parameters:
    ///   - queues: all of one broker.
    ///   - waits: for the answer; else the order is only sent.
    func unlock(_ queues: [MessageQueue], group: String, waits: Bool) async throws(ClientError) {
        guard let first = queues.first else { return }
        let command = RemotingCommand(.unlockBatchMq, body: lockBody(queues, group))
        if waits {
            _ = try await call(command, at: master(of: first), timeout: Self.lockTimeout)
        } else {
            try await sendOneway(command, to: master(of: first))
        }
    }

    private func lockBody(_ queues: [MessageQueue], _ group: String) -> [UInt8] {
        var request = LockBatchRequest()
        request.consumerGroup = group
        request.clientId = clientId
        request.queues = queues
        return request.body
    }
}
