import RMQCommon
@testable import RMQFilter
import RMQTestSupport
import Testing

/// An expression reads the properties of a message from their bytes, whatever these are.
@Suite(.takesTurns) struct SQLPropertiesTests {
    @Test(arguments: [
        ("a\u{1}1\u{2}", true),
        ("a\u{1}1", true),
        ("b\u{1}2\u{2}a\u{1}1\u{2}c\u{1}3", true),
        ("a\u{1}2\u{2}a\u{1}1", true),
        ("a\u{1}1\u{2}a\u{1}2", false),
        ("a\u{1}1\u{2}a\u{1}", true),
        ("a\u{1}1\u{2}a", true),
        ("\u{2}\u{2}a\u{1}1\u{2}\u{2}", true),
        ("\u{1}1\u{2}", false),
        ("a\u{1}", false),
        ("a", false),
        ("", false),
        ("\u{1}", false),
        ("\u{2}", false),
        ("aa\u{1}1", false),
        ("A\u{1}1", false),
        ("a\u{1}\u{1}1", false),
        ("a\u{1}1\u{1}", false),
    ])
    func aPairCounts(_ text: String, _ isWanted: Bool) throws {
        let expression = try SQLExpression("a = '1'")
        #expect(Array(text.utf8).withUnsafeBytes { expression.matches($0) } == isWanted)
    }

    @Test func aValueIsAllBytesBehindItsName() throws {
        #expect(try SQLExpression("a = 'x\u{1}y'").evaluate(Array("a\u{1}x\u{1}y".utf8)) == .isTrue)
    }

    @Test func bytesThatAreNoTextAreEqualToNoText() throws {
        #expect(try SQLExpression("a = '\u{FFFD}'").evaluate([0x61, 1, 0xFF]) == .isFalse)
        #expect(try SQLExpression("a = b").evaluate([0x61, 1, 0xFF, 2, 0x62, 1, 0xFF]) == .isTrue)
        #expect(try SQLExpression("a > 1").evaluate([0x61, 1, 0xFF]) == .failed(.notANumber))
        #expect(try SQLExpression("a > 1.0").evaluate([0x61, 1, 0xE4, 0xB8]) == .failed(.notANumber))
    }

    @Test func noBytesAtAllAreNoProperties() throws {
        #expect(try SQLExpression("a IS NULL").matches(UnsafeRawBufferPointer(start: nil, count: 0)))
    }

    @Test func manyNamesAreEachFound() throws {
        let names = (0..<500).map { "name\($0)" }
        let expression = try SQLExpression(names.map { "\($0) = '\($0)'" }.joined(separator: " AND "))
        let all = Dictionary(uniqueKeysWithValues: names.map { ($0, $0) })
        #expect(expression.matches(all))
        for name in names { #expect(expression.evaluate(all.filter { !$0.key.isExactly(name) }) == .isNull, "without \(name)") }
    }

    @Test func longNamesAreToldApart() throws {
        let (first, second) = (String(repeating: "x", count: 300), String(repeating: "x", count: 299) + "y")
        let expression = try SQLExpression("\(first) = '1' AND \(second) = '2'")
        #expect(expression.matches([first: "1", second: "2"]))
        #expect(!expression.matches([first: "2", second: "1"]))
    }

    @Test func aNumberIsAtMostAsLongAsItsLimit() throws {
        for (expression, point) in [("a = 7", ""), ("a = 3000000007", ""), ("a = 7.0", ".0")] {
            let digits = expression.hasByteSuffix("3000000007") ? "3000000007" : "7"
            let zeros = String(repeating: "0", count: NumberText.byteLimit - digits.utf8.count - point.utf8.count)
            #expect(try SQLExpression(expression).evaluate(["a": zeros + digits + point]) == .isTrue)
            #expect(try SQLExpression(expression).evaluate(["a": "0" + zeros + digits + point]) == .failed(.notANumber))
        }
    }

    @Test func oneExpressionServesManyThreads() async throws {
        let expression = try SQLExpression("price > 20 AND colour IN ('red', 'blue')")
        await withTaskGroup(of: Bool.self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<2_000).allSatisfy { expression.matches(["price": "\($0 % 50)", "colour": "red"]) == ($0 % 50 > 20) && task >= 0 }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
