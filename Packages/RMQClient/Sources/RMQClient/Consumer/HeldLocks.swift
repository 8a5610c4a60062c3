import RMQCommon

/// The locks that brokers may hold for a consumer: each from when it is asked for until it is refused or given back.
///
///     asked ──► held ──► leaving ──► given back
///       │        ▲          │
///       ▼        └──asked───┘
///     refused
///
/// A lock that nobody gives back keeps its queue from the other members for a minute. A value: it asks no broker.
struct HeldLocks {
    private enum Lock { case held, leaving }

    private var locks: [MessageQueue: Lock] = [:]
    private var isFinished = false
    private var gates: [ByteText: SerialGate] = [:]

    /// Questions to one broker go one at a time: a lock must not be asked for while it is given back, nor the other way round.
    mutating func gate(of broker: String) -> SerialGate {
        if let gate = gates[broker] { return gate }
        let gate = SerialGate()
        gates[broker] = gate
        return gate
    }

    /// The broker is asked for these locks. One whose answer gets lost may have been given.
    /// - Returns: false when no more may be asked for.
    mutating func ask(_ queues: [MessageQueue]) -> Bool {
        guard !isFinished else { return false }
        for queue in queues { locks[queue] = .held }
        return true
    }

    /// These were refused, or given back.
    mutating func forget(_ queues: some Sequence<MessageQueue>) {
        for queue in queues { locks[queue] = nil }
    }

    /// This one is given back later, unless it is asked for again before.
    mutating func leave(_ queue: MessageQueue) {
        if locks[queue] != nil { locks[queue] = .leaving }
    }

    func isHeld(_ queue: MessageQueue) -> Bool { locks[queue] == .held }
    func isLeaving(_ queue: MessageQueue) -> Bool { locks[queue] == .leaving }
    var held: [MessageQueue] { locks.filter { $0.value == .held }.map(\.key) }

    /// All of them, to be given back: the consumer is being closed.
    mutating func finish() -> [MessageQueue] {
        isFinished = true
        return Array(locks.keys)
    }
}
