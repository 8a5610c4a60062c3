import RMQClient
public import RMQCommon
import RMQRemoting

/// What became of a message that was sent.
public struct SentMessage: Sendable, Equatable {
    public var queue: MessageQueue
    public var offset: Int64
    /// In the reference's words, such as `SEND_OK`.
    public var status: String
    public var messageId: String
    public var offsetMessageId: String

    public init(queue: MessageQueue, offset: Int64, status: String, messageId: String, offsetMessageId: String) {
        self.queue = queue
        self.offset = offset
        self.status = status
        self.messageId = messageId
        self.offsetMessageId = offsetMessageId
    }
}

/// Sends one message: the Swift client, or a test's stand-in.
public protocol MessageSending: Sendable {
    /// - Parameter queue: nil lets the producer choose.
    func send(_ message: Message, to queue: MessageQueue?, group: String, nameServers: [String]) async throws(AdminError) -> SentMessage
}

/// Sends with a ``Producer`` of its own, which is closed afterwards.
public struct ProducerSending: MessageSending {
    public init() {}

    public func send(
        _ message: Message, to queue: MessageQueue?, group: String, nameServers: [String]
    ) async throws(AdminError) -> SentMessage {
        do throws(ClientError) {
            var configuration = RocketMQClient.Configuration(nameServers: nameServers)
            // What goes wrong is the command's answer; nothing else may be printed.
            configuration.logger = .silent
            let client = try RocketMQClient(configuration)
            let result: Result<SentMessage, ClientError>
            do throws(ClientError) {
                result = .success(try await Self.send(message, to: queue, group: group, with: client))
            } catch {
                result = .failure(error)
            }
            await client.shutdown()
            return try result.get()
        } catch {
            throw AdminError(error)
        }
    }

    private static func send(
        _ message: Message, to queue: MessageQueue?, group: String, with client: RocketMQClient
    ) async throws(ClientError) -> SentMessage {
        let producer = try await client.makeProducer(group: group)
        let sent = if let queue { try await producer.send(message, to: queue) } else { try await producer.send(message) }
        return SentMessage(
            queue: sent.queue, offset: sent.queueOffset, status: sent.status.referenceName, messageId: sent.messageId,
            offsetMessageId: sent.offsetMessageId)
    }
}

extension SendResult.Status {
    fileprivate var referenceName: String {
        switch self {
        case .stored: "SEND_OK"
        case .flushTimedOut: "FLUSH_DISK_TIMEOUT"
        case .replicationTimedOut: "FLUSH_SLAVE_TIMEOUT"
        case .noReplica: "SLAVE_NOT_AVAILABLE"
        }
    }
}

extension AdminError {
    init(_ error: ClientError) {
        if let code = error.responseCode {
            self = .refused(code: code.rawValue, remark: error.remark ?? "", broker: nil)
        } else if error.code == .noNameServer {
            self = .noNameServer
        } else {
            self = .notFound(error.description)
        }
    }
}
