import RMQCommon
@testable import RMQFilter
import RMQTestSupport
import Testing

/// Whatever a client writes is compiled or refused, and whatever is compiled says something to any properties.
///
/// A campaign has as many cases as `RMQ_FUZZ_CASES` says, in a release build under AddressSanitizer:
///
///     RMQ_FUZZ_CASES=10000000 swift test -c release --sanitize=address -Xswiftc -enable-testing --filter SQLFuzzTests
@Suite(.takesTurns) struct SQLFuzzTests {
    static let variable = "RMQ_FUZZ_CASES"

    @Test func anyTextIsCompiledOrRefused() throws {
        let cases = try Environment.value(Self.variable).map { try #require(Int($0), "\(Self.variable) is no number") } ?? 20_000
        var maker = SQLExpressionMaker(try SeededRandom.replayable(92))
        var compiled = 0
        let taken = ContinuousClock().measure {
            for number in 0..<cases {
                let text = text(number, &maker)
                guard let program = try? SQLParser.compile(text) else { continue }
                compiled += 1
                for _ in 0..<2 { _ = maker.properties().withUnsafeBytes { program.run($0) } }
                if number % 16 < 4 { expectLaws(of: text, program, maker.properties()) }
            }
        }
        print("\(cases) expressions in \(taken), of which \(compiled) were compiled")
        #expect(compiled > cases / 4, "else most of the cases test the first error alone")
    }

    private func text(_ number: Int, _ maker: inout SQLExpressionMaker) -> [UInt8] {
        switch number % 16 {
        case 0..<10: maker.expression()
        case 10..<14: maker.spoiled(maker.expression())
        case 14: maker.tokenSoup()
        default: number % 4_096 == 15 ? long(&maker) : maker.spoiled(maker.spoiled(maker.tokenSoup()))
        }
    }

    /// Up to the greatest length: a spoiled expression over and over.
    private func long(_ maker: inout SQLExpressionMaker) -> [UInt8] {
        let part = maker.spoiled(maker.expression()) + Array(" OR ".utf8)
        let repeated = [[UInt8]](repeating: part, count: SQLExpression.byteLimit / part.count).joined()
        return maker.spoiled(Array(repeated))
    }

    /// What holds for all conditions: NOT turns it round, NOT NOT, AND TRUE and OR FALSE leave it, and IS NULL tells NULL from the rest.
    private func expectLaws(of text: [UInt8], _ program: SQLProgram, _ properties: [UInt8]) {
        func result(_ before: String, _ after: String) -> SQLResult? {
            guard let program = try? SQLParser.compile(Array(before.utf8) + text + Array(after.utf8)) else { return nil }
            return properties.withUnsafeBytes { program.run($0) }
        }
        // An expression with something behind it that is not looked at, as `a = 007` has, cannot stand in parentheses.
        guard let inner = result("(", ") IS NULL") else { return }
        let whole = properties.withUnsafeBytes { program.run($0) }
        let name = String(decoding: text, as: UTF8.self)
        guard !whole.isFailure else {
            #expect(inner == whole, "\(name)")
            return
        }
        #expect(inner == (whole == .isNull ? .isTrue : .isFalse), "\(name)")
        #expect(result("NOT (", ")") == whole.opposite, "\(name)")
        #expect(result("NOT NOT (", ")") == whole, "\(name)")
        #expect(result("(", ") AND TRUE") == whole, "\(name)")
        #expect(result("(", ") OR FALSE") == whole, "\(name)")
        #expect(result("FALSE AND (", ")") == .isFalse, "\(name)")
        #expect(result("TRUE OR (", ")") == .isTrue, "\(name)")
    }
}

extension SQLResult {
    var isFailure: Bool {
        if case .failed = self { true } else { false }
    }

    var opposite: SQLResult {
        switch self {
        case .isTrue: .isFalse
        case .isFalse: .isTrue
        case .isNull, .failed: self
        }
    }
}
