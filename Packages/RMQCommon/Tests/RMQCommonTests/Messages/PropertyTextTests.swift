import RMQCommon
import RMQTestSupport
import Testing

/// The walk over a property string: what counts as a pair, and where it stands.
@Suite(.takesTurns) struct PropertyTextTests {
    private func pairs(_ text: String) -> [String] {
        Array(text.utf8).withUnsafeBytes { bytes in
            PropertyText.pairs(in: bytes).map { pair in
                let (name, value) = pair.split()
                return "\(pair.start) \(String(decoding: name, as: UTF8.self)) = \(String(decoding: value, as: UTF8.self))"
            }
        }
    }

    private func value(_ name: StaticString, _ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { bytes in PropertyText.value(name, in: bytes).map { String(decoding: $0, as: UTF8.self) } }
    }

    @Test func pairsComeInTheirOrder() {
        #expect(pairs("a\u{1}1\u{2}bc\u{1}23\u{2}") == ["0 a = 1", "4 bc = 23"])
        #expect(pairs("a\u{1}1\u{2}bc\u{1}23") == ["0 a = 1", "4 bc = 23"], "the last end may be missing")
        #expect(pairs("") == [])
    }

    @Test func whatIsNoPairIsMetAsItStands() {
        #expect(pairs("a\u{2}\u{1}x\u{2}\u{2}b\u{1}") == ["0 a = ", "2  = x", "5  = ", "6 b = "])
        #expect(pairs("a\u{1}b\u{1}c") == ["0 a = b\u{1}c"], "a value may hold what ends a name")
    }

    @Test func theLastValueOfANameCounts() {
        #expect(value("k", "k\u{1}1\u{2}k\u{1}2\u{2}kk\u{1}3") == "2")
        #expect(value("k", "k\u{1}1\u{2}k\u{1}\u{2}") == "1", "an empty one does not")
    }

    @Test(arguments: ["", "kk\u{1}1", "\u{1}k", "k", "k\u{1}", "x\u{1}k\u{1}1"]) func aNameThatIsNotThereHasNoValue(text: String) {
        #expect(value("k", text) == nil)
    }

    @Test func aPairWithoutAValueHasItsNameAllTheSame() {
        Array("WAIT\u{1}\u{2}WAITS\u{1}x".utf8).withUnsafeBytes { bytes in
            #expect(PropertyText.pairs(in: bytes).map { $0.isNamed("WAIT") } == [true, false])
        }
    }

    @Test func whereAnEndHasToStandBetween() {
        func needs(_ first: String, _ second: String) -> Bool {
            Array(first.utf8).withUnsafeBytes { first in Array(second.utf8).withUnsafeBytes { PropertyText.needsPairEnd(first, before: $0) } }
        }
        #expect(needs("a\u{1}1", "b\u{1}2"))
        #expect(!needs("a\u{1}1\u{2}", "b\u{1}2"))
        #expect(!needs("a\u{1}1", ""))
        #expect(!needs("", "b\u{1}2"))
        #expect(PropertyText.pair("a", "1") == "a\u{1}1")
    }
}
