public import RMQCommon

/// When a message comes again that its group failed to consume.
public enum RetryDelay: Sendable, Hashable {
    /// The broker decides: 10 s for the first time, then longer and longer up to 2 h, unless it is configured otherwise.
    case brokerDefault
    /// After one of the broker's delay levels, see `Message.delayLevel`: from 1 on.
    case level(Int)

    /// As it is sent: 0 leaves it to the broker.
    var wireLevel: Int32 {
        switch self {
        case .brokerDefault: 0
        case .level(let level): Int32(clamping: max(0, level))
        }
    }
}

/// What a handler decided about a message. A handler that throws decides for ``retry``.
public struct ConsumeResult: Sendable, Hashable {
    /// Nil is done with; a number is the delay level to send the message back with, a negative one for the dead letters.
    let returnLevel: Int32?

    /// The message is done with.
    public static var success: ConsumeResult { ConsumeResult(returnLevel: nil) }
    /// It goes back to the broker, which gives it to some member of the group later; when that happened too often, to the dead letters.
    ///
    /// When broadcasting, the message is logged and done with.
    public static var retry: ConsumeResult { .retry(after: .brokerDefault) }
    /// As ``retry``, with a delay of your choice.
    public static func retry(after delay: RetryDelay) -> ConsumeResult { ConsumeResult(returnLevel: delay.wireLevel) }
    /// It goes to the group's dead letters at once.
    public static var deadLetter: ConsumeResult { ConsumeResult(returnLevel: Self.deadLetterLevel) }

    static let deadLetterLevel: Int32 = -1
}

/// What a handler decided about a batch. A handler that throws decides for ``retry``.
public struct BatchConsumeResult: Sendable, Hashable {
    /// Messages from the first on that are done with.
    let acknowledged: Int
    /// What becomes of the others.
    let rest: ConsumeResult

    /// All messages are done with.
    public static var success: BatchConsumeResult { BatchConsumeResult(acknowledged: .max, rest: .retry) }
    /// All messages come again, as ``ConsumeResult/retry`` says.
    public static var retry: BatchConsumeResult { .retry(after: .brokerDefault) }
    /// As ``retry``, with a delay of your choice.
    public static func retry(after delay: RetryDelay) -> BatchConsumeResult { .acknowledged(0, retryRestAfter: delay) }
    /// The first so many messages are done with, the others come again.
    public static func acknowledged(_ count: Int, retryRestAfter delay: RetryDelay = .brokerDefault) -> BatchConsumeResult {
        BatchConsumeResult(acknowledged: max(0, count), rest: .retry(after: delay))
    }
    /// All messages go to the group's dead letters at once.
    public static var deadLetter: BatchConsumeResult { BatchConsumeResult(acknowledged: 0, rest: .deadLetter) }
}

/// What a handler decided about messages that are consumed in order. A handler that throws decides for ``suspendQueue``.
public struct OrderedConsumeResult: Sendable, Hashable {
    /// Nil for success; negative for the configured time.
    let suspension: Duration?

    /// All of the messages are done with.
    public static var success: OrderedConsumeResult { OrderedConsumeResult(suspension: nil) }
    /// The queue stands still for ``ConsumerConfiguration/orderedSuspendInterval``, then the same messages come again.
    public static var suspendQueue: OrderedConsumeResult { OrderedConsumeResult(suspension: .seconds(-1)) }
    /// As ``suspendQueue``, for a time of your choice: 10 ms to 30 s.
    public static func suspendQueue(for time: Duration) -> OrderedConsumeResult { OrderedConsumeResult(suspension: max(.zero, time)) }
}

/// Code around the handling of messages: for logging, measuring, tracing, refusing.
///
/// ```swift
/// struct Timing: ConsumeInterceptor {
///     func consume(_ messages: [StoredMessage], next: @Sendable ([StoredMessage]) async throws -> Void) async throws {
///         let start = ContinuousClock.now
///         try await next(messages)
///         print("\(messages.count) messages took \(ContinuousClock.now - start)")
///     }
/// }
/// ```
///
/// It is not asked about messages that a loop takes from `deliveries`.
public protocol ConsumeInterceptor: Sendable {
    /// Called for what a handler is about to get: one message, or a batch. What the handler decided is not shown; what it threw is.
    ///
    /// Throwing means what it means in a handler: the messages come again. Returning without a call of `next` settles them
    /// without a handler: they were dealt with here.
    /// - Parameter next: the next interceptor, at last the handler; may be given other messages than those that came.
    func consume(_ messages: [StoredMessage], next: @Sendable ([StoredMessage]) async throws -> Void) async throws
}
