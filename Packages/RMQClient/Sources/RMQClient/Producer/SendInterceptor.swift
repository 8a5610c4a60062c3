public import RMQCommon

/// Code of the application around each try of a send: for metrics, for tracing contexts in properties, for rules of its own.
///
/// ```swift
/// struct Stamp: SendInterceptor {
///     func send(_ attempt: SendAttempt, next: SendAttempt.Next) async throws -> SendResult? {
///         var attempt = attempt
///         for index in attempt.messages.indices { attempt.messages[index].properties["host"] = "web-7" }
///         return try await next(attempt)
///     }
/// }
/// ```
///
/// Interceptors stand in `ProducerConfiguration.interceptors`, the outermost first. Each try is passed through all of them once; a send
/// that is retried has several. The time that they take belongs to the time-out of the try.
public protocol SendInterceptor: Sendable {
    /// Passes the try on by calling `next`, at most once, and returns what that returned.
    ///
    /// Not calling `next` means that nothing is sent. An error that is thrown instead refuses the try: another broker is tried, and when
    /// no try is left the send fails with `ClientError.Code.refusedByInterceptor`. Errors of `next` itself are best let through: they
    /// decide about the next try as without an interceptor.
    /// - Returns: the result; nil for a one-way send, which has none.
    func send(_ attempt: SendAttempt, next: SendAttempt.Next) async throws -> SendResult?
}

/// One try of a send, on its way to a broker.
public struct SendAttempt: Sendable {
    /// Passes a try on: to the next interceptor, and from the last one to the broker.
    public typealias Next = @Sendable (SendAttempt) async throws -> SendResult?

    /// What is sent: one message, or those of a batch, with their ids. Their properties, body and flag may be changed for this try; not
    /// their number, their topic nor their ids.
    public var messages: [Message]
    /// The producer's, without the namespace of the client, as all names here.
    public let group: String
    /// Where it goes.
    public let queue: MessageQueue
    /// The master of the queue's broker, `host:port`.
    public let brokerAddress: String
    /// Counted from 1.
    public let number: Int
    /// Whether nobody waits for an answer.
    public let isOneway: Bool
    /// Whether it is a half message, whose transaction has yet to end.
    public let isHalfMessage: Bool
}
