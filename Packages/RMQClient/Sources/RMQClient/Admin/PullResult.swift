public import RMQCommon

/// What a single pull from a queue brought.
public struct PullResult: Sendable {
    /// How a pull ended; none of them is an error.
    public enum Status: Sendable, Hashable {
        case found
        /// The end of the queue is reached.
        case noNewMessage
        /// There were messages, none of them wanted.
        case noMatchedMessage
        /// The offset asked for lies outside the queue; go on at `nextOffset`.
        case offsetIllegal
    }

    /// What the broker found.
    public let status: Status
    /// Where to go on.
    public let nextOffset: Int64
    /// The oldest offset of the queue when it was pulled.
    public let minOffset: Int64
    /// The offset that the next message of the queue will have.
    public let maxOffset: Int64
    /// The messages that pass the filter, oldest first.
    public internal(set) var messages: [StoredMessage]
    /// Which of the messages have their body as it is stored, because it could not be restored.
    let unreadable: [(index: Int, error: CompressionError)]
    /// The broker of the set to ask next time.
    let suggestedBrokerId: Int64

    /// Without the messages whose body could not be restored.
    var readable: PullResult {
        let left = Set(unreadable.map(\.index))
        return PullResult(
            status: status, nextOffset: nextOffset, minOffset: minOffset, maxOffset: maxOffset,
            messages: messages.indices.filter { !left.contains($0) }.map { messages[$0] }, unreadable: [], suggestedBrokerId: suggestedBrokerId)
    }
}
