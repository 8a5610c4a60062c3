public import RMQRemoting

/// What became of a message that was sent as part of a transaction.
public struct TransactionResult: Sendable {
    /// What the broker said about the half message.
    public let send: SendResult
    /// What the broker was told. With `unknown` it asks the producers of the group later.
    public let decision: TransactionDecision
    /// What the local transaction threw; the decision is `unknown` then.
    public let localError: (any Error)?
}

extension TransactionResult: CustomStringConvertible {
    public var description: String { "\(send), \(decision)" + (localError.map { " after \($0)" } ?? "") }
}
