import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

/// Headers and bodies with values that nobody should send: we read what the reference read, but where we mean not to.
@Suite(.takesTurns) struct RecordedReadingTests {
    struct Case: Sendable {
        let member: RecordedMember
        let value: String
        /// What the reference would write for the member, or `refused`.
        let result: String
        /// What we read; nil when we refuse it.
        let ours: JSONValue?
        /// What we read in the reference's result; nil when the reference refused the value.
        let theirs: JSONValue?
        /// We refuse what the reference would write itself.
        let isResultRefused: Bool

        init(_ member: RecordedMember, _ reading: RecordedMember.Reading) {
            self.member = member
            value = reading.value
            result = reading.result
            ours = try? member.read(value == "missing" ? member.documentWithout : member.document(with: value))
            // The reference has no word for an absent member: it is null.
            let theirDocument = value == "missing" && result == "null" ? member.documentWithout : member.document(with: result)
            theirs = result == "refused" ? Optional.none : try? member.read(theirDocument)
            isResultRefused = theirs == Optional.none && result != "refused"
        }

        var isEqual: Bool { ours == theirs && !isResultRefused }
        var isStricter: Bool { ours == Optional.none }
        var isLaxer: Bool { result == "refused" }
    }

    /// A difference that is meant; the README of this package says the same to people, in the same order.
    struct Difference: Sendable, CustomStringConvertible {
        let description: String
        let covers: @Sendable (Case) -> Bool
    }

    static let differences = [
        Difference(description: "a name or id that has to be there is refused when it is missing") { $0.isResultRefused && $0.isStricter },
        Difference(description: "an integer beyond 64 bits is the text of its digits") { $0.value == "99999999999999999999" && ($0.isStricter || $0.isLaxer) },
        Difference(description: "a text with a comma or blanks is no number") {
            $0.isStricter && [#""1,000""#, #"" 5 ""#].contains($0.value) && $0.result.contains(/^[0-9.]+$/)
        },
        Difference(description: "a single value is no list of texts") {
            $0.isStricter && ["consumerIdList", "filterServerList"].contains($0.member.path)
        },
        Difference(description: "an empty text is no list") { $0.isStricter && $0.value == #""""# && $0.result == "null" },
        Difference(description: "an empty object is an empty list") { !$0.isStricter && $0.value.hasSuffix("{}") || $0.value == #"{"a":{}}"# },
        Difference(description: "an empty list is an empty object") { $0.value.contains("[]") },
        Difference(description: "a null entry of a table is none") {
            $0.isLaxer && ($0.value == #"{"a":null}"# || $0.member.path == "offsetTable/t@g" && ["missing", "null"].contains($0.value))
        },
        Difference(description: "undefined is null everywhere") { $0.isLaxer && $0.value == "undefined" },
        Difference(description: "a number is a name, too") { $0.isLaxer && $0.value == #"{5:"6"}"# },
        Difference(description: "a language that is none is an unknown one") { $0.member.path.hasSuffix("language") && !$0.isStricter },
        Difference(description: "a request without an opaque has 0") { $0.member.path == "opaque" && $0.ours?["opaque"] == 0 },
        Difference(description: "a number read as text loses its form") { ["05", "1e2"].contains($0.value) && $0.result.hasPrefix("\"") },
        Difference(description: "an object read as text keeps its null members and its names of numbers") {
            [#"{"a":null}"#, #"{5:"6"}"#].contains($0.value) && $0.result.hasPrefix("\"")
        },
    ]

    @Test(arguments: try RecordedMember.all) func valuesAreReadAsTheReferenceReadsThem(member: RecordedMember) {
        for reading in member.readings {
            let compared = Case(member, reading)
            guard !compared.isEqual, !Self.differences.contains(where: { $0.covers(compared) }) else { continue }
            Issue.record("\(reading.value) gave the reference \(reading.result), us \(compared.ours?.text() ?? "refused")")
        }
    }

    @Test(arguments: differences) func everyDifferenceThatIsListedIsOne(difference: Difference) throws {
        let found = try RecordedMember.all.contains { member in
            member.readings.contains { reading in
                let compared = Case(member, reading)
                return !compared.isEqual && difference.covers(compared)
            }
        }
        #expect(found)
    }

    @Test func everyBodyIsThere() throws {
        #expect(try RecordedMember.all.count == 102)
        #expect(try Set(RecordedMember.all.map(\.body)).count == 20)
    }
}
