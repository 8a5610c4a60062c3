import RMQClient
import RMQCommon

/// Sends one message: a producer, or a test's stand-in.
protocol MessageSending: Sendable {
    /// - Parameter queue: nil lets the producer choose.
    func send(
        _ message: Message, to queue: MessageQueue?, group: String, nameServers: [String], access: ToolsAccess
    ) async throws(ClientError) -> SendResult
}

/// Sends with a ``Producer`` of its own, which is closed afterwards.
struct ProducerSending: MessageSending {
    func send(
        _ message: Message, to queue: MessageQueue?, group: String, nameServers: [String], access: ToolsAccess
    ) async throws(ClientError) -> SendResult {
        var configuration = RocketMQClient.Configuration(nameServers: nameServers)
        access.apply(to: &configuration)
        let client = try RocketMQClient(configuration)
        let result: Result<SendResult, ClientError>
        do throws(ClientError) {
            let producer = try await client.makeProducer(group: group)
            let sent = if let queue { try await producer.send(message, to: queue) } else { try await producer.send(message) }
            result = .success(sent)
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        return try result.get()
    }
}

extension SendResult.Status {
    /// In the reference's words.
    var referenceName: String {
        switch self {
        case .stored: "SEND_OK"
        case .flushTimedOut: "FLUSH_DISK_TIMEOUT"
        case .replicationTimedOut: "FLUSH_SLAVE_TIMEOUT"
        case .noReplica: "SLAVE_NOT_AVAILABLE"
        }
    }
}
