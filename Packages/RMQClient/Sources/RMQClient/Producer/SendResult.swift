public import RMQCommon
import RMQRemoting

/// What the broker said about a send that it accepted.
public struct SendResult: Sendable {
    /// All four mean that the message is stored on the master; sending it again makes a duplicate.
    public enum Status: Sendable, Equatable {
        case stored
        /// Stored, but the synchronous flush was not confirmed in time.
        case flushTimedOut
        /// Stored, but the synchronous replica did not confirm in time.
        case replicationTimedOut
        /// Stored, but there was no replica to confirm it.
        case noReplica
    }

    private let ids: MessageIds
    /// As the broker put it.
    let answer: StoredAnswer
    /// Where it was stored.
    public let queue: MessageQueue

    init(_ answer: StoredAnswer, ids: MessageIds, askedFor queue: MessageQueue) {
        self.answer = answer
        self.ids = ids
        // The broker may choose the queue itself.
        self.queue = answer.queueId == queue.queueId
            ? queue : MessageQueue(topic: queue.topic, brokerName: queue.brokerName, queueId: answer.queueId)
    }

    /// How safely it is stored.
    public var status: Status {
        switch answer.code {
        case .flushDiskTimeout: .flushTimedOut
        case .flushSlaveTimeout: .replicationTimedOut
        case .slaveNotAvailable: .noReplica
        default: .stored
        }
    }
    /// Ids made by this producer, one per message.
    public var messageIds: [String] { ids.texts }
    /// Ids made by the broker, which tell where the messages lie.
    public var offsetMessageIds: [String] { answer.messageId.split(ascii: ",") }
    /// Offset of the (first) message in its queue.
    public var queueOffset: Int64 { answer.queueOffset }

    /// The broker's region; nil when it wants no trace of the message.
    var tracedRegion: String? { answer.isTraceOn ? answer.region : nil }

    /// The id of the message, of the first one of a batch: the one to look for later.
    public var messageId: String { ids.first ?? "" }
    /// Where the message lies, the first one of a batch.
    public var offsetMessageId: String { offsetMessageIds.first ?? "" }
}

extension SendResult {
    /// What a test, or a sender of another kind, has at hand.
    init(status: Status, messageIds: [String], offsetMessageIds: [String], queue: MessageQueue, queueOffset: Int64) {
        let code: ResponseCode = switch status {
        case .stored: .success
        case .flushTimedOut: .flushDiskTimeout
        case .replicationTimedOut: .flushSlaveTimeout
        case .noReplica: .slaveNotAvailable
        }
        let header = SendMessageResponseHeader {
            $0.messageId = offsetMessageIds.joined(separator: ",")
            $0.queueId = queue.queueId
            $0.queueOffset = queueOffset
        }
        self.init(StoredAnswer(code: code, header), ids: MessageIds(messageIds), askedFor: queue)
    }
}

extension SendResult: CustomStringConvertible {
    public var description: String { "\(ids.texts.joined(separator: ",")) at offset \(queueOffset) of \(queue): \(status)" }
}

extension SendResult: Equatable {
    public static func == (left: SendResult, right: SendResult) -> Bool {
        left.status == right.status && left.queue == right.queue && left.queueOffset == right.queueOffset
            && left.messageIds.isExactly(right.messageIds) && left.offsetMessageIds.isExactly(right.offsetMessageIds)
    }
}
