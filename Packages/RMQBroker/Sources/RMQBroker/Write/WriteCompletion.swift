import RMQRemoting
import RMQStore

/// Who is told what became of a message, once it is as durable as was asked for.
enum WriteCompletion {
    /// No one is told.
    case none
    /// A producer, by the numbers of the append straight into its connection's output: nothing is allocated for a message.
    case send(Connection, ReplyTicket)
    /// Called on the loop, outside of the append, so that it may write the next message.
    case call((WriteOutcome) -> Void)
    /// Told at once, in the wake-up of the append.
    case observer(any WriteObserver)

    var isHeard: Bool {
        if case .none = self { false } else { true }
    }
}

/// Who had a message written and answers a request by what became of it.
protocol WriteObserver: AnyObject {
    /// On the loop, while an append tells all that it is about: writes no message.
    func written(_ outcome: WriteOutcome)
}

/// What became of a message.
enum WriteOutcome {
    /// It is stored; `status` tells whether it was durable in time.
    case stored(WrittenMessage, AppendStatus)
    case failed(Refusal)
}

/// Where a message, or the messages of a batch, lie.
struct WrittenMessage {
    let queueId: Int32
    let result: AppendResult
}
