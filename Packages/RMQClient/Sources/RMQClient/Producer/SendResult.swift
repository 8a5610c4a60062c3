public import RMQCommon

/// What the broker said about a send that it accepted.
public struct SendResult: Sendable, Equatable {
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

    /// How safely it is stored.
    public let status: Status
    /// Ids made by this producer, one per message.
    public let messageIds: [String]
    /// Ids made by the broker, which tell where the messages lie.
    public let offsetMessageIds: [String]
    /// Where it was stored.
    public let queue: MessageQueue
    /// Offset of the (first) message in its queue.
    public let queueOffset: Int64

    /// The broker's region; nil when it wants no trace of the message.
    var tracedRegion: ByteText?

    /// The id of the message, of the first one of a batch: the one to look for later.
    public var messageId: String { messageIds.first ?? "" }
    /// Where the message lies, the first one of a batch.
    public var offsetMessageId: String { offsetMessageIds.first ?? "" }
}
