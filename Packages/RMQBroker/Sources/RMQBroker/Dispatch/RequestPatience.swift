import RMQCommon
import RMQRemoting

/// How long requests may wait for their turn. Who waited longer has given up by now, or asks another broker when it is told.
///
/// A loop has no queues: requests wait in the buffers of their sockets while it is away, because an append waits for the disk or the
/// host runs something else (``Connection/waitedNanoseconds``); pulls wait for a worker that reads from the disk (``ColdReads``).
struct RequestPatience {
    /// A request that waited less is not looked at any closer.
    let shortestNanoseconds: Int64
    /// False when requests may wait as long as they like.
    var isLimited: Bool { pulls != nil }
    let pulls: Duration?
    private let milliseconds: (sends: Int64, pulls: Int64, heartbeats: Int64, transactions: Int64)

    init(_ configuration: BrokerConfiguration) {
        milliseconds = (
            configuration.sendWaitMilliseconds, configuration.pullWaitMilliseconds, configuration.heartbeatWaitMilliseconds,
            configuration.transactionWaitMilliseconds)
        let shortest = min(milliseconds.sends, milliseconds.pulls, milliseconds.heartbeats, milliseconds.transactions)
        shortestNanoseconds = configuration.fastFailure ? shortest * 1_000_000 : .max
        pulls = configuration.fastFailure ? .milliseconds(milliseconds.pulls) : nil
    }

    /// What a request gets that waited too long; nil for any other.
    func refusal(of code: RequestCode, waitedNanoseconds: Int64) -> Refusal? {
        guard waitedNanoseconds >= shortestNanoseconds, let bound = limit(of: code) else { return nil }
        let waited = waitedNanoseconds / 1_000_000
        return waited < bound.milliseconds
            ? nil : .waitedTooLong(waited, "the event loop of the connection was held up", bound.key, bound.milliseconds)
    }

    private func limit(of code: RequestCode) -> (key: String, milliseconds: Int64)? {
        switch code {
        case .sendMessage, .sendMessageV2, .sendBatchMessage, .consumerSendMsgBack: ("waitTimeMillsInSendQueue", milliseconds.sends)
        case .pullMessage: ("waitTimeMillsInPullQueue", milliseconds.pulls)
        case .heartBeat: ("waitTimeMillsInHeartbeatQueue", milliseconds.heartbeats)
        case .endTransaction: ("waitTimeMillsInTransactionQueue", milliseconds.transactions)
        default: nil
        }
    }
}

extension Refusal {
    /// Clients know it by the word in brackets; what follows is for people.
    static func waitedTooLong(_ milliseconds: Int64, _ cause: String, _ key: String, _ limit: Int64) -> Refusal {
        Refusal(
            .systemBusy,
            "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: \(milliseconds)ms: \(cause); \(key) is \(limit) ms")
    }
}
