import RMQCommon
import RMQFilter
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct TagSubscriptionTests {
    @Test(arguments: [nil, "", "*"] as [String?])
    func everythingIsSubscribedTo(_ text: String?) throws {
        let expression = try TagExpression(text)
        #expect(expression == .all)
        let filter = TagFilter(expression)
        #expect(filter.matches(tagsCode: 0))
        #expect(filter.matches(tagsCode: JavaString.tagsCode("anything")))
    }

    /// In time that grows with its length: a pull with one is handled on an event loop. In square time, this would take its turn's limit.
    @Test func manyTagsAreParsedAtOnce() throws {
        let tags = (0..<12_000).map { String($0, radix: 36) }
        for _ in 0..<20 { #expect(try TagExpression(tags.joined(separator: "||")).tags.count == 12_000) }
    }

    @Test func aTextThatIsTooLongIsRefusedWithItsLimit() throws {
        let text = String(repeating: "a", count: TagExpression.byteLimit)
        #expect(try TagExpression(text).tags == [text])
        #expect(throws: TagExpressionError.tooLong(bytes: 65_537, limit: 65_536)) { try TagExpression(text + "a") }
    }

    @Test(arguments: [
        ("TagA", ["TagA"]),
        ("TagA || TagB", ["TagA", "TagB"]),
        (" TagA||TagB\t|| ", ["TagA", "TagB"]),
        ("TagA||TagA", ["TagA"]),
        ("||TagA", ["TagA"]),
        ("a|b", ["a|b"]),
        ("a|||b", ["a", "|b"]),
        (" || ", []),
        ("Zürich || 上海", ["Zürich", "上海"]),
    ] as [(String, [String])])
    func tagsAreSplitAndTrimmed(_ text: String, _ tags: [String]) throws {
        #expect(try TagExpression(text).tags == tags)
    }

    @Test(arguments: ["||", "||||"])
    func onlySeparatorsAreAnError(_ text: String) {
        #expect(throws: TagExpressionError.noTags(text: text)) { try TagExpression(text) }
    }

    @Test func matchesTheHashesOfItsTagsAndNoOthers() throws {
        let filter = TagFilter(try TagExpression("TagA || TagB || order-paid"))
        for tag in ["TagA", "TagB", "order-paid"] { #expect(filter.matches(tagsCode: JavaString.tagsCode(tag))) }
        for tag in ["TagC", "taga", "*", nil] { #expect(!filter.matches(tagsCode: JavaString.tagsCode(tag))) }
    }

    @Test func onlyTheLowHalfOfATagsCodeCounts() throws {
        let filter = TagFilter(try TagExpression("TagA"))
        let code = Int64(UInt32(bitPattern: JavaString.hash("TagA"))) | 0x7_0000_0000
        #expect(filter.matches(tagsCode: code))
    }

    @Test func aHeartbeatSubscriptionUsesItsOwnCodes() {
        let filter = TagFilter(text: "TagA || TagB", codes: [2_598_920, 2_598_919])
        #expect(filter.matches(tagsCode: JavaString.tagsCode("TagA")))
        #expect(filter.matches(tagsCode: JavaString.tagsCode("TagB")))
        #expect(!filter.matches(tagsCode: JavaString.tagsCode("TagC")))
        #expect(TagFilter(text: "*", codes: []).matches(tagsCode: 7))
        #expect(!TagFilter(text: "TagA", codes: []).matches(tagsCode: JavaString.tagsCode("TagA")))
    }

    @Test("Case 1.2: tags that look alike are two tags", arguments: [("\u{304C}", "\u{304B}\u{3099}"), ("\u{212A}", "K")])
    func aTagIsItsBytes(_ first: String, _ second: String) throws {
        let expression = try TagExpression("\(first)||\(second)")
        #expect(expression.tags.map { ByteText($0) } == [ByteText(first), ByteText(second)])
        for tag in [first, second] { #expect(TagFilter(expression).matches(tagsCode: JavaString.tagsCode(tag))) }
        let one = TagFilter(try TagExpression(first))
        #expect(!one.matches(tagsCode: JavaString.tagsCode(second)))
        #expect(try TagExpression(first) != TagExpression(second))
    }

    @Test func aCombiningMarkBehindASeparatorBelongsToTheTag() throws {
        #expect(try TagExpression("a||\u{301}b").tags.map { ByteText($0) } == ["a", "\u{301}b"])
    }
}
