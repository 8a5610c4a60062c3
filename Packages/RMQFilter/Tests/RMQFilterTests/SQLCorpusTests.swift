import RMQCommon
import RMQFilter
import RMQTestSupport
import Testing

/// Each row is an expression and a message of which the reference's own parser and evaluation said what it is.
@Suite(.takesTurns) struct SQLCorpusTests {
    @Test func everyExpressionIsWhatTheReferenceSays() throws {
        let rows = try SQLRow.all(of: try GoldenData.lines("filter/sql-expressions.tsv"))
        #expect(rows.count > 1_500)
        for row in rows { #expect(ByteText(row.actual) == ByteText(row.expected), "\(row.testDescription)") }
    }

    @Test func onlyTrueIsWanted() throws {
        for row in try SQLRow.all(of: try GoldenData.lines("filter/sql-expressions.tsv")) {
            guard let expression = try? SQLExpression(row.expression) else { continue }
            #expect(row.properties.withUnsafeBytes { expression.matches($0) } == (ByteText(row.expected) == "true"), "\(row.testDescription)")
        }
    }
}
