import RMQRemoting

/// Whether a send is tried again, and how long each try may take. A value: it sends nothing and reads no clock.
struct RetryPolicy: Sendable {
    enum Outcome {
        case accepted(SendResult.Status)
        case refused(ResponseCode)
        /// Not connected, connection lost, or no answer in time.
        case unreachable
    }

    enum Decision: Equatable {
        /// The broker's answer is the result of the send.
        case finish
        case tryAnotherBroker
    }

    var maxAttempts: Int
    var retryableResponseCodes: Set<ResponseCode>
    var retriesUnlessFullyStored: Bool

    init(_ configuration: ProducerConfiguration) {
        maxAttempts = 1 + max(0, configuration.maxRetries)
        retryableResponseCodes = configuration.retryableResponseCodes
        retriesUnlessFullyStored = configuration.retriesUnlessFullyStored
    }

    /// What follows attempt number `attempt`, counted from 1.
    func decide(after outcome: Outcome, attempt: Int) -> Decision {
        guard attempt < maxAttempts else { return .finish }
        return switch outcome {
        case .accepted(.stored): .finish
        case .accepted: retriesUnlessFullyStored ? .tryAnotherBroker : .finish
        case .refused(let code): retryableResponseCodes.contains(code) ? .tryAnotherBroker : .finish
        case .unreachable: .tryAnotherBroker
        }
    }

    /// The last attempt may use all that is left, an earlier one half of it: a broker that does not
    /// answer must leave time to ask another. Where there is no other, waiting is better than sending twice.
    func timeout(ofAttempt attempt: Int, remaining: Duration, hasAlternative: Bool) -> Duration {
        attempt < maxAttempts && hasAlternative ? remaining / 2 : remaining
    }
}
