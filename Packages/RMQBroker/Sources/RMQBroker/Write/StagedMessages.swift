import RMQStore

/// Messages of one loop that were checked and encoded and are not in the log yet: at most those of one wake-up.
///
///     MessageWriter ─► stage ─► … ─► append, at the end of the wake-up ─► one outcome each
///
/// In their order, which is that of each connection. On the loop's thread only.
final class StagedMessages {
    /// What has to be known once a message is stored.
    struct Message {
        let topic: LoopTopic
        let queue: BrokerQueue
        let queueId: Int32
        /// At which it waits before it arrives in its queue; 0 or below for none.
        let delayLevel: Int32
        /// Whether the statistics count it.
        let isSent: Bool
        /// Whether the completion waits for the disk or for replicas, not only for the append.
        let waits: Bool
        /// Of a connection that is perhaps closed by then: the message is stored all the same.
        let completion: WriteCompletion
    }

    let batch: AppendBatch
    private let store: MessageStore
    private var messages: [Message] = []

    init(store: MessageStore, maxMessageBytes: Int) {
        self.store = store
        batch = AppendBatch(for: store, maxMessageBytes: maxMessageBytes)
    }

    var isEmpty: Bool { messages.isEmpty }
    var count: Int { messages.count }

    /// - Parameter draft: the last one that the batch's encoder made.
    /// - Throws: when the message cannot be stored for what it is.
    func stage(_ draft: RecordDraft, for message: Message) throws(StoreError) {
        try batch.add(draft)
        messages.append(message)
    }

    /// Forgets everything, and tells `finish` of each message.
    func drop(_ finish: (Message) -> Void) {
        for message in messages { finish(message) }
        messages.removeAll(keepingCapacity: true)
        batch.removeAll()
    }

    /// Appends everything and tells what became of each message, in their order. None is staged afterwards, and `finish` stages
    /// none.
    func append(_ finish: (Message, Result<AppendResult, StoreError>) -> Void) {
        guard !messages.isEmpty else { return }
        store.append(batch)
        for (index, message) in messages.enumerated() { finish(message, batch.outcome(index)) }
        messages.removeAll(keepingCapacity: true)
        batch.removeAll()
    }
}
