import RMQCommon
import RMQFilter
import RMQTestSupport
import Testing

/// What a user is told of an expression that cannot be compiled.
@Suite(.takesTurns) struct SQLErrorTests {
    typealias Reason = SQLExpressionError.Reason

    private static let operand = Reason.unexpected(allowed: "a property, a number, a 'text', TRUE, FALSE, NULL or (")

    @Test(arguments: [
        ("", operand, 1, 1, ""),
        ("a =", operand, 1, 4, ""),
        ("a and between 2 and 10", operand, 1, 7, "between"),
        ("(a = 1", .unexpected(allowed: ") or an operator"), 1, 7, ""),
        ("a IS 3", .unexpected(allowed: "NULL or NOT NULL"), 1, 6, "3"),
        ("a IS NOT 3", .unexpected(allowed: "NULL"), 1, 10, "3"),
        ("a NOT LIKE 'x'", .unexpected(allowed: "BETWEEN or IN behind NOT"), 1, 7, "LIKE"),
        ("a BETWEEN 1 OR 2", .unexpected(allowed: "AND and the upper bound"), 1, 13, "OR"),
        ("a IN '3'", .unexpected(allowed: "( and texts behind IN"), 1, 6, "'3'"),
        ("a IN (3)", .unexpected(allowed: "a text, as 'red'"), 1, 7, "3"),
        ("a IN ('3' '4')", .unexpected(allowed: ", or )"), 1, 11, "'4'"),
        ("a != 1", .unreadable, 1, 3, "!"),
        ("a.b = 1", .unreadable, 1, 2, "."),
        ("a = ü", .unreadable, 1, 5, "ü"),
        ("'上海' = 上", .unreadable, 1, 8, "上"),
        ("a = 1 AND\n  b = 'x", .unclosed(by: "the closing quote"), 2, 7, "'x"),
        ("a = 1 /* x", .unclosed(by: "*/"), 1, 7, "/* x"),
        ("a = 9223372036854775808", .outOfRange(allowed: "0 to 9223372036854775807"), 1, 5, "9223372036854775808"),
        ("a > 0.0", .outOfRange(allowed: "4.9E-324 to 1.7976931348623157E308"), 1, 5, "0.0"),
        ("-a", .notACondition, 1, 1, "-"),
        ("a = 1 AND 'x'", .notACondition, 1, 11, "'x'"),
        ("NOT 1", .notACondition, 1, 5, "1"),
        ("a > 'x'", .notOrdered, 1, 5, "'x'"),
        ("NOT a > 1", .notOrdered, 1, 1, "NOT"),
        ("a < NULL", .notOrdered, 1, 5, "NULL"),
        ("a = NULL", .nullCompared, 1, 5, "NULL"),
        ("TRUE = 1", .truthCompared, 1, 1, "TRUE"),
        ("'a' IN ('a')", .notAProperty, 1, 1, "'a'"),
        ("a BETWEEN 10 AND 0", .emptyRange(low: "10", high: "0"), 1, 11, "10"),
    ] as [(String, Reason, Int, Int, String)])
    func anErrorNamesItsPlace(_ text: String, _ reason: Reason, _ line: Int, _ column: Int, _ token: String) {
        let error = #expect(throws: SQLExpressionError.self) { try SQLExpression(text) }
        #expect(error?.reason == reason)
        #expect(error?.line == line)
        #expect(error?.column == column)
        #expect(error.map { ByteText($0.token) } == ByteText(token))
    }

    @Test(arguments: [
        ("a = 1 AND\nb > 'x'", #"line 2, column 5, at "'x'": only numbers and properties can be compared by < <= > >= and BETWEEN"#),
        ("a = NULL", #"line 1, column 5, at "NULL": NULL is compared by IS NULL and IS NOT NULL"#),
        ("a =", "line 1, column 4, at the end: expected a property, a number, a 'text', TRUE, FALSE, NULL or ("),
        ("a BETWEEN 9 AND 1", #"line 1, column 11, at "9": no number is between 9 and 1; write the smaller one first"#),
    ])
    func anErrorIsASentence(_ text: String, _ sentence: String) throws {
        let error = #expect(throws: SQLExpressionError.self) { try SQLExpression(text) }
        #expect(ByteText(try #require(error).description) == ByteText("the filter expression is wrong in " + sentence))
    }

    @Test func whatALongTokenSaysIsCut() throws {
        let error = #expect(throws: SQLExpressionError.self) { try SQLExpression("a = '" + String(repeating: "ü", count: 10_000)) }
        #expect(try #require(error).description.utf8.count < 256)
    }
}
