/// Why a text is no SQL92 filter expression, and where.
public struct SQLExpressionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Equatable, Sendable {
        /// The text is longer than is compiled.
        case tooLong(bytes: Int, limit: Int)
        /// More parentheses inside of each other than are read.
        case tooDeep(limit: Int)
        /// What stands there begins no word, number, text or sign.
        case unreadable
        /// A text without its closing quote, or a block comment without its end.
        case unclosed(by: String)
        /// Something else has to stand there.
        case unexpected(allowed: String)
        /// A number that is too large, or too small.
        case outOfRange(allowed: String)
        /// A number or a text stands where something has to be true or false.
        case notACondition
        /// Only numbers and properties can be less or greater.
        case notOrdered
        /// NULL stands beside `=` or `<>`.
        case nullCompared
        /// TRUE or FALSE stands on the left of a number or a text.
        case truthCompared
        /// Something else than a property stands before IN.
        case notAProperty
        /// The bounds of BETWEEN leave no number between them.
        case emptyRange(low: String, high: String)
    }

    /// What is wrong.
    public let reason: Reason
    /// The line of what is wrong, from 1 on.
    public let line: Int
    /// Its place in the line, in characters, from 1 on.
    public let column: Int
    /// What stands there, at most 64 bytes of it; empty at the end of the text.
    public let token: String

    public var description: String {
        if case .tooLong(let bytes, let limit) = reason { return "a filter expression of \(bytes) bytes; it may have \(limit)" }
        let place = token.isEmpty ? "at the end" : "at \"\(token)\""
        return "the filter expression is wrong in line \(line), column \(column), \(place): \(reason.advice)"
    }
}

extension SQLExpressionError.Reason {
    /// What is wrong and what to write instead.
    var advice: String {
        switch self {
        case .tooLong(let bytes, let limit): "it has \(bytes) bytes, and may have \(limit)"
        case .tooDeep(let limit): "more than \(limit) parentheses inside of each other; write it with fewer"
        case .unreadable: "no word, number, text or operator begins so; allowed are = <> < <= > >= + - ( ) , names of A-Z a-z 0-9 _ $, and 'texts'"
        case .unclosed(let end): "\(end) is missing"
        case .unexpected(let allowed): "expected \(allowed)"
        case .outOfRange(let allowed): "the number is out of range; allowed is \(allowed)"
        case .notACondition: "this is neither true nor false; compare it with something"
        case .notOrdered: "only numbers and properties can be compared by < <= > >= and BETWEEN"
        case .nullCompared: "NULL is compared by IS NULL and IS NOT NULL"
        case .truthCompared: "TRUE and FALSE can be compared with properties and conditions, not with a number or a text"
        case .notAProperty: "only a property can stand before IN"
        case .emptyRange(let low, let high): "no number is between \(low) and \(high); write the smaller one first"
        }
    }
}
