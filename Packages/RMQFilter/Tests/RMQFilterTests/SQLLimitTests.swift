import RMQCommon
@testable import RMQFilter
import RMQTestSupport
import Testing

/// Nothing that a client writes takes the stack, the memory or the time of a broker.
@Suite(.takesTurns) struct SQLLimitTests {
    @Test func aTextIsAtMostAsLongAsItsLimit() throws {
        let blanks = String(repeating: " ", count: SQLExpression.byteLimit - 5)
        #expect(try SQLExpression("a = 1" + blanks).evaluate(["a": "1"]) == .isTrue)
        let error = #expect(throws: SQLExpressionError.self) { try SQLExpression("a = 1 " + blanks) }
        #expect(error?.reason == .tooLong(bytes: 65_537, limit: 65_536))
        #expect(try #require(error).description.isExactly("a filter expression of 65537 bytes; it may have 65536"))
    }

    @Test func aMebibyteIsRefusedBeforeItIsRead() {
        for text in ["(", "a = 1 OR ", "'", "- ", "NOT ", "/*", "\u{0}", "ü"] {
            #expect(throws: SQLExpressionError.self) { try SQLExpression(String(repeating: text, count: (1 << 20) / text.utf8.count)) }
        }
    }

    @Test func parenthesesAreAtMostAsDeepAsTheirLimit() throws {
        func nested(_ depth: Int) -> String { String(repeating: "(", count: depth) + "a = 1" + String(repeating: ")", count: depth) }
        #expect(try SQLExpression(nested(SQLExpression.nestingLimit)).evaluate(["a": "1"]) == .isTrue)
        let error = #expect(throws: SQLExpressionError.self) { try SQLExpression(nested(SQLExpression.nestingLimit + 1)) }
        #expect(error?.reason == .tooDeep(limit: 256))
        #expect(error?.column == 257)
    }

    @Test func parenthesesBesideEachOtherAreNotDeep() throws {
        let text = [String](repeating: "((a = 1))", count: 4_000).joined(separator: " AND ")
        #expect(try SQLExpression(text).evaluate(["a": "1"]) == .isTrue)
    }

    /// All rules at each level.
    @Test func theDeepestExpressionFitsTheStack() throws {
        let depth = SQLExpression.nestingLimit
        let text = String(repeating: "FALSE OR TRUE AND TRUE = NOT - 1 < - - (", count: depth) + "a" + String(repeating: ")", count: depth)
        #expect(throws: SQLExpressionError.self) { try SQLExpression(text) }
        let valid = String(repeating: "FALSE OR TRUE AND TRUE = NOT (", count: depth) + "a = 1" + String(repeating: ")", count: depth)
        #expect(try SQLExpression(valid).evaluate(["a": "1"]) == .isTrue)
        #expect(try SQLExpression(valid).evaluate(["a": "2"]) == .isFalse)
    }

    /// Ten thousand of what can stand inside of another, with what it is for `a = 1`, or nil when it is refused.
    @Test(arguments: [
        ("NOT ", "(a = 1)", "", .isTrue),
        ("- ", "a IS NULL", "", .isTrue),
        ("+ ", "a", "", .isFalse),
        ("(", "a = 1", ")", nil),
        ("((", "a = 1", "", nil),
        ("-(", "a", ")", nil),
        ("a AND ", "a = 1", "", .isFalse),
        ("a OR ", "a = 1", "", .isTrue),
        ("", "a = 1", " = TRUE", .isTrue),
        ("", "a = 1", " <> FALSE", .isTrue),
        ("", "a", " IS NULL", .isFalse),
        ("a > ", "1", "", nil),
        ("a BETWEEN ", "1", "", nil),
        ("a IN (", "'1'", ")", nil),
        ("", "a = 1", ")", .isTrue),
        ("/*", "a = 1", "*/", nil),
        ("-", "a = 1", "", .isNull),
        ("'", "a = 1", "'", nil),
        (",", "a = 1", "", nil),
    ] as [(String, String, String, SQLResult?)])
    func tenThousandLevels(_ before: String, _ inner: String, _ after: String, _ expected: SQLResult?) {
        let count = min(10_000, (SQLExpression.byteLimit - inner.utf8.count) / max(before.utf8.count + after.utf8.count, 1))
        let text = String(repeating: before, count: count) + inner + String(repeating: after, count: count)
        #expect((try? SQLExpression(text))?.evaluate(["a": "1"]) == expected)
    }

    /// A value of BETWEEN stands twice in what it means. If it did in the program, this one would have two to the power of 200 steps.
    @Test func betweenInsideOfBetweenDoesNotDouble() throws {
        let text = String(repeating: "-(", count: 200) + "a" + String(repeating: " BETWEEN 1 AND 2)", count: 200) + " IS NULL"
        let expression = try SQLExpression(text)
        #expect(expression.program.instructions.count < 3_000)
        #expect(expression.evaluate(["a": "1"]) == .isTrue)
    }

    /// What has to look for an end that is not there looks once.
    @Test func signsWithoutALineEndAreReadInOneGo() throws {
        #expect(try SQLExpression(String(repeating: "-", count: 65_000) + "1 = 1").evaluate([:]) == .isTrue)
        #expect(throws: SQLExpressionError.self) { try SQLExpression(String(repeating: "'", count: 65_001)) }
        #expect(throws: SQLExpressionError.self) { try SQLExpression("a = " + String(repeating: "'x'", count: 20_000) + "'") }
        #expect(try SQLExpression("a = 1 " + String(repeating: "/**/", count: 16_000)).evaluate(["a": "1"]) == .isTrue)
        #expect(try SQLExpression("a = 1 " + String(repeating: "--\n", count: 20_000)).evaluate(["a": "1"]) == .isTrue)
    }

    @Test func aLongListIsSearchedByHalving() throws {
        let texts = (0..<9_000).map { "'\($0)'" }
        let expression = try SQLExpression("a IN (\(texts.joined(separator: ",")))")
        for number in stride(from: 0, to: 9_000, by: 7) { #expect(expression.matches(["a": "\(number)"])) }
        #expect(!expression.matches(["a": "9000"]))
    }
}
