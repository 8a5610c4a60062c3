import RMQRemoting
import RMQStore

/// Sends of one loop that were checked and encoded and are not in the log yet: at most those of one wake-up.
///
///     SendProcessor ─► stage ─► … ─► append, at the end of the wake-up ─► one answer each
///
/// In their order, which is that of each connection. On the loop's thread only.
final class StagedSends {
    /// What has to be known once a message is stored.
    struct Send {
        /// Perhaps closed by then; its messages are stored all the same.
        let connection: Connection
        let ticket: ReplyTicket
        let topic: TopicRoute
        /// Where it arrives; nil while it is delayed.
        let arrivesAt: QueueState?
        let queueId: Int32
        /// Whether the producer is answered when the store's promise holds, not when the message is stored.
        let waits: Bool
    }

    let batch: AppendBatch
    private let store: MessageStore
    private var sends: [Send] = []

    init(store: MessageStore, maxMessageBytes: Int) {
        self.store = store
        batch = AppendBatch(for: store, maxMessageBytes: maxMessageBytes)
    }

    var isEmpty: Bool { sends.isEmpty }

    /// - Parameter draft: the last one that the batch's encoder made.
    /// - Throws: when the message cannot be stored for what it is.
    func stage(_ draft: RecordDraft, for send: Send) throws(StoreError) {
        try batch.add(draft)
        sends.append(send)
    }

    /// Appends everything and tells what became of each send, in their order. None is staged afterwards.
    func append(_ finish: (Send, Result<AppendResult, StoreError>) -> Void) {
        guard !sends.isEmpty else { return }
        store.append(batch)
        for (index, send) in sends.enumerated() { finish(send, batch.outcome(index)) }
        sends.removeAll(keepingCapacity: true)
        batch.removeAll()
    }
}
