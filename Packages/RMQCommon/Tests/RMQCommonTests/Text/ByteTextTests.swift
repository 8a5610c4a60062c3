import RMQCommon
import RMQTestSupport
import Testing

/// Pairs that are equal as `String` and differ in their bytes.
private let lookAlikes: [(String, String)] = [
    ("\u{304C}", "\u{304B}\u{3099}"), ("\u{212A}", "K"), ("\u{37E}", ";"), ("\u{1FEF}", "`"), ("caf\u{E9}", "cafe\u{301}"), ("\u{AC00}", "\u{1100}\u{1161}"),
]

@Suite(.takesTurns) struct ByteTextTests {
    @Test(arguments: lookAlikes) func lookAlikesAreTwoKeys(_ first: String, _ second: String) {
        #expect(first == second, "or the pair shows nothing")
        #expect(ByteText(first) != ByteText(second))
        let table: [ByteText: Int] = [ByteText(first): 1, ByteText(second): 2]
        #expect(table[first] == 1)
        #expect(table[second] == 2)
        #expect(Set<ByteText>(texts: [first, second, first]).count == 2)
        #expect((ByteText(first) < ByteText(second)) != (ByteText(second) < ByteText(first)))
    }

    @Test func isOrderedByBytes() {
        let sorted: [ByteText] = ["", "B", "Ba", "a", "\u{E9}", "\u{304B}\u{3099}", "\u{304C}", "\u{FFFD}", "\u{1F600}"]
        #expect(sorted.reversed().sorted() == sorted)
    }

    @Test func equalTextsHashAlikeHoweverTheyWereMade() {
        let long = String(repeating: "a", count: 40)
        let piece = (long + "b").utf8.dropLast()
        #expect(ByteText(long) == ByteText(String(Substring(piece))))
        #expect(ByteText(long).hashValue == ByteText(String(Substring(piece))).hashValue)
        #expect(ByteText("") == ByteText(String()))
    }

    @Test func tablesAreChangedInPlaceByText() {
        var table: [ByteText: [Int]] = [:]
        table["a", default: []].append(1)
        table["a"]?.append(2)
        table["b"] = [3]
        #expect(table[ByteText("a")] == [1, 2])
        #expect(table.removeValue(forKey: "b" as String) == [3])
        table["a"] = nil
        #expect(table.isEmpty)
    }

    @Test func switchesByBytes() {
        let kelvin = "\u{212A}"
        let isK = switch ByteText(kelvin) {
        case "K": true
        default: false
        }
        #expect(!isK)
    }
}

@Suite(.takesTurns) struct StringBytesTests {
    @Test(arguments: lookAlikes) func looksDoNotCount(_ first: String, _ second: String) {
        #expect(!first.isExactly(second))
        #expect(first.isExactly(first))
        #expect(!(first + "x").hasBytePrefix(second))
        #expect(!("x" + first).hasByteSuffix(second))
        #expect(!first.isExactlyIgnoringCase(second))
        #expect(!"<\(first)>".containsBytes(of: second))
        #expect(![first].containsExactly(second))
    }

    @Test func prefixesAreBytes() {
        #expect("%RETRY%\u{301}g".droppingBytePrefix("%RETRY%") == "\u{301}g")
        #expect("%RETRY".droppingBytePrefix("%RETRY%") == nil)
        #expect("abc".hasByteSuffix("bc"))
        #expect(!"c".hasByteSuffix("bc"))
        #expect("abcabd".containsBytes(of: "abd"))
        #expect(!"ab".containsBytes(of: "abd"))
        #expect("ab".containsBytes(of: ""))
    }

    @Test func aCombiningMarkDoesNotHideASeparator() {
        #expect("a,\u{301}b,c".split(ascii: ",") == ["a", "\u{301}b", "c"])
        #expect("k=\u{301}v".cut(atFirst: "=")?.after == "\u{301}v")
    }

    @Test func aLineEndOfTwoBytesHasALineFeed() {
        #expect("a\r\nb".split(ascii: "\n") == ["a\r", "b"])
        #expect("a\r\nb".contains(ascii: "\n"))
    }

    @Test func splitsAsTold() {
        #expect(",a,,b,".split(ascii: ",") == ["a", "b"])
        #expect(",a,,b,".split(ascii: ",", keepingEmpty: true) == ["", "a", "", "b", ""])
        #expect("a=b=c".split(ascii: "=", most: 1) == ["a", "b=c"])
        #expect("a=b=c".cut(atLast: "=")?.before == "a=b")
        #expect("a".cut(atFirst: "=") == nil)
    }

    @Test func caseIsAsciiOnly() {
        #expect("TRUE".isExactlyIgnoringCase("true"))
        #expect(!"[".isExactlyIgnoringCase("{"))
        #expect(!"ab".isExactlyIgnoringCase("a"))
        #expect("\u{212A}\u{C9}K".asciiLowercased.isExactly("\u{212A}\u{C9}k"))
    }

    @Test(arguments: [(" \ta b\t ", "a b"), ("", ""), (" \t", ""), ("a", "a"), (" \u{301}a", "\u{301}a")])
    func trimsBothEnds(_ text: String, _ trimmed: String) {
        #expect(text.trimmedLikeJava.isExactly(trimmed))
        #expect(text.trimmedOfSpace.isExactly(trimmed))
    }

    @Test func javaTrimsControlCharactersAndNoOtherSpace() {
        #expect("\u{0}a\u{3000}\u{1F}".trimmedLikeJava.isExactly("a\u{3000}"))
        #expect("\u{3000}a\u{3000}".trimmedOfSpace == "a")
    }

    @Test func blankIsWhiteSpaceAlone() {
        #expect("".isBlank)
        #expect(" \t\r\n\u{3000}".isBlank)
        #expect(!" a".isBlank)
    }
}
