import RMQCommon
import RMQRemoting
import Synchronization

/// A soak: what goes on, and how much of it.
struct SoakPlan: Sendable {
    static let topic = "SoakTopic"
    static let transactionTopic = "SoakTransactions"
    static let group = "soak_group"
    static let producerGroup = "soak_producers"
    /// Every so many messages one is given back, and comes once more.
    static let sendBackEvery = 1_000

    var address: HostAddress
    var queues: Int
    var size: Int
    var duration: Duration
    /// Sends a second of all queues together; nil: as fast as consumers follow.
    var rate: Int?
    /// A producer and a consumer lose their connection so often; nil for never.
    var restartEvery: Duration?
}

/// What all threads of a soak share.
final class SoakProgress: Sendable {
    /// Producers send until then; consumers go on until all has come.
    let end: Int64
    let acknowledged = Counter()
    let received = Counter()
    let repeated = Counter()
    let givenBack = Counter()
    let cameAgain = Counter()
    let committed = Counter()
    let delivered = Counter()
    let rolledBack = Counter()
    let restarts = Counter()
    /// Sends that the broker was too busy for.
    let busy = Counter()
    /// Consumers that have all of their queue.
    let consumed = Counter()
    private let counts = Mutex<[UInt32: UInt64]>([:])
    private let failure = Mutex<String?>(nil)

    init(end: Int64) { self.end = end }

    func isConsumed(queues: Int) -> Bool { consumed.value == Int64(queues) }
    var isSending: Bool { nanosecondsNow() < end && firstFailure == nil }
    var firstFailure: String? { failure.withLock { $0 } }
    func fail(_ text: String) { failure.withLock { $0 = $0 ?? text } }

    /// A sender's last word: so many were acknowledged.
    func ended(sender: UInt32, count: UInt64) { counts.withLock { $0[sender] = count } }
    /// Nil while that sender goes on.
    func total(of sender: UInt32) -> UInt64? { counts.withLock { $0[sender] } }
}
