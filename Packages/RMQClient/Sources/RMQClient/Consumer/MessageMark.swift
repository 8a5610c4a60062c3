/// How far one pulled message has come: a word, so that it can be changed by one atomic exchange.
///
///     waiting ──► in hand ──► settled
///        ▲           │           ▲
///        └────── returning ──────┘      being sent back to the broker; handed out again here when that fails
///
///     63         16 15       2 1   0
///     +------------+----------+-----+
///     | since, ms  | attempt  | kind|
///     +------------+----------+-----+
///
/// Each hand-out has a mark of its own, so what a handler says about an earlier one changes nothing.
struct MessageMark: Equatable, Sendable {
    enum Kind: UInt64 {
        case waiting, inHand, returning, settled
    }

    let word: UInt64

    init(word: UInt64) { self.word = word }

    /// - Parameters:
    ///   - attempt: how often this consumer handed the message out before.
    ///   - since: when it was handed out, in milliseconds of the coarse clock.
    init(_ kind: Kind, attempt: Int32 = 0, since: Int64 = 0) {
        word = kind.rawValue | UInt64(attempt & Self.mostAttempts) << 2 | UInt64(bitPattern: since) << 16
    }

    /// What 14 bits hold; a message that fails every five seconds gets there after a day, and then begins at 0 again.
    private static let mostAttempts: Int32 = 0x3FFF

    static let settled = MessageMark(.settled)

    var kind: Kind { Kind(rawValue: word & 3)! }
    var attempt: Int32 { Int32(truncatingIfNeeded: word >> 2) & Self.mostAttempts }
    var since: Int64 { Int64(word >> 16) }
}
