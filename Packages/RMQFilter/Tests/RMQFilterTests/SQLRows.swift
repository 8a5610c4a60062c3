import RMQCommon
@testable import RMQFilter
import RMQTestSupport
import Testing

/// A line of `sql-expressions.tsv`: an expression, a message's properties, and what the reference says.
struct SQLRow: CustomTestStringConvertible {
    let line: Int
    let expected: String
    let expression: String
    let properties: [UInt8]
    var testDescription: String { "line \(line): \(expression)" }

    /// The rows of a file; lines that begin with `#` are remarks.
    static func all(of lines: [[UInt8]]) throws -> [SQLRow] {
        try lines.enumerated().compactMap { number, line in
            guard line.first != UInt8(ascii: "#") else { return nil }
            let columns = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map(unescaped)
            try #require(columns.count >= 2, "line \(number + 1)")
            let pairs = try columns[2...].map { column in
                let end = try #require(column.firstIndex(of: UInt8(ascii: "=")))
                return column[..<end] + [PropertyText.nameEnd] + column[(end + 1)...] + [PropertyText.pairEnd]
            }
            return SQLRow(
                line: number + 1, expected: String(decoding: columns[0], as: UTF8.self), expression: String(decoding: columns[1], as: UTF8.self),
                properties: Array(pairs.joined()))
        }
    }

    /// What we say, in the words of the file.
    var actual: String {
        guard let expression = try? SQLExpression(expression) else { return "invalid" }
        return switch expression.evaluate(properties) {
        case .isTrue: "true"
        case .isFalse: "false"
        case .isNull: "null"
        case .failed: "error"
        }
    }

    private static func unescaped(_ column: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = column
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else { result.append(byte); continue }
            switch Unicode.Scalar(escaped) {
            case "t": result.append(9)
            case "n": result.append(10)
            case "r": result.append(13)
            case "u":
                let digits = rest.dropFirst().prefix { $0 != UInt8(ascii: "}") }
                let scalar = UInt32(String(decoding: digits, as: UTF8.self), radix: 16).flatMap { Unicode.Scalar($0) }
                rest = rest.dropFirst(digits.count + 2)
                result += Array(String(Character(scalar ?? "?")).utf8)
            default: result.append(escaped)
            }
        }
        return result
    }
}

extension SQLExpression {
    /// What the expression is for a message with this property text.
    func evaluate(_ properties: [UInt8]) -> SQLResult { properties.withUnsafeBytes { evaluate($0) } }

    /// The same for properties that have neither part in common with the separators.
    func evaluate(_ properties: [String: String]) -> SQLResult {
        evaluate(Array(properties.map { PropertyText.pair($0.key, $0.value) }.joined(separator: "\u{2}").utf8))
    }

    /// Whether a message with these properties is wanted.
    func matches(_ properties: [String: String]) -> Bool {
        Array(properties.map { PropertyText.pair($0.key, $0.value) }.joined(separator: "\u{2}").utf8).withUnsafeBytes { matches($0) }
    }
}
