/// Why a text is no SQL92 filter expression.
public struct SQLExpressionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Equatable, Sendable {
        /// The text is longer than is compiled.
        case tooLong(bytes: Int, limit: Int)
    }

    public let reason: Reason

    public var description: String {
        switch reason {
        case .tooLong(let bytes, let limit): "an expression of \(bytes) bytes; it may have \(limit)"
        }
    }
}
