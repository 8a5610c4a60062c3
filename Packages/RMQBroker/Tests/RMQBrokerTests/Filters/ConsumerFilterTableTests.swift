@testable import RMQBroker
import RMQCommon
import RMQFilter
import RMQRemoting
import RMQTestSupport
import Testing

/// Filters by expressions as heartbeats bring them, change them and let them die, and as their file keeps them.
@Suite(.takesTurns) struct ConsumerFilterTableTests {
    private let clock = HandClock(1_700_000_000_000)

    private func table(_ change: (inout BrokerConfiguration) -> Void = { _ in }) -> ConsumerFilterTable {
        var configuration = BrokerConfiguration()
        configuration.computesFilterBitmaps = true
        change(&configuration)
        return ConsumerFilterTable(configuration, logger: quiet, clocks: clock.clocks)
    }

    private func sql(_ expression: String, topic: String = "T", version: Int64 = 1) -> SubscriptionData {
        SubscriptionData {
            $0.topic = topic
            $0.expression = expression
            $0.expressionType = "SQL92"
            $0.version = version
        }
    }

    private func register(_ table: ConsumerFilterTable, _ subscriptions: SubscriptionData..., group: String = "g") {
        table.register(group: group, subscriptions[...])
    }

    private func bitmap(_ table: ConsumerFilterTable, _ properties: String, topic: String = "T", at time: Int64 = 0) -> [UInt8]? {
        Array(properties.utf8).withUnsafeBytes { table.bitmap(topic: topic, storeTimestamp: time, properties: $0) }
    }

    // MARK: Registration

    @Test func aFilterIsYoungerThanTheLogWhateverTheClockSays() {
        let table = table()
        table.begin(newestStamp: 1_700_000_000_500)
        register(table, sql("a = 1"))
        #expect(table[topic: "T", group: "g"]?.bornAt == 1_700_000_000_500)
    }

    @Test func onlyExpressionsAreRegistered() {
        let table = table()
        register(table, SubscriptionData(topic: "T", tagExpression: "a || b", version: 1), sql("", topic: "U"))
        #expect(table[topic: "T", group: "g"] == nil)
        #expect(table[topic: "U", group: "g"] == nil)
        #expect(!table.haveChanged)
        register(table, sql("a > 1"))
        let filter = table[topic: "T", group: "g"]
        #expect(filter?.expression.text == "a > 1")
        #expect(filter?.bornAt == clock.wallMilliseconds)
        #expect(filter?.isDead == false)
        #expect(table.haveChanged)
        #expect(table[topic: "T", group: "other"] == nil)
    }

    @Test func anOlderSubscriptionChangesNothingAndANewerOneDoes() {
        let table = table()
        register(table, sql("a > 1", version: 5))
        let first = table[topic: "T", group: "g"], born = clock.wallMilliseconds
        clock.advance(.seconds(1))
        for version: Int64 in [4, 5] {
            register(table, sql("a > 2", version: version))
            #expect(table[topic: "T", group: "g"]?.expression === first?.expression)
        }
        register(table, sql("a > 1", version: 6))
        #expect(table[topic: "T", group: "g"]?.version == 6)
        #expect(table[topic: "T", group: "g"]?.bornAt == born, "it says the same: what bit maps say of it stays true")
        register(table, sql("a > 2", version: 7))
        #expect(table[topic: "T", group: "g"]?.expression.text == "a > 2")
        #expect(table[topic: "T", group: "g"]?.bornAt == born + 1_000)
    }

    @Test func loopsLookAgainWhenAFilterChangesAndNotOtherwise() {
        let table = table()
        register(table, sql("a > 1", version: 5))
        let version = table.version
        register(table, sql("a > 1", version: 5))
        table.unregister(group: "other")
        #expect(table.version == version)
        register(table, sql("a > 1", version: 6))
        #expect(table.version > version)
    }

    @Test(arguments: [("a >", "SQL92"), ("a > 1", "SQL91"), (String(repeating: "a", count: 65_537), "SQL92")])
    func aWrongExpressionLeavesItsGroupWithoutAFilter(expression: String, type: String) {
        let table = table()
        var wrong = sql(expression)
        wrong.expressionType = type
        register(table, wrong)
        #expect(table[topic: "T", group: "g"] == nil)
        register(table, sql("a > 1", version: 2))
        wrong.version = 2
        register(table, wrong)
        #expect(table[topic: "T", group: "g"] != nil, "it is not newer")
        wrong.version = 3
        register(table, wrong)
        #expect(table[topic: "T", group: "g"] == nil)
    }

    // MARK: Death

    @Test func aFilterDiesWithItsSubscriptionAndLivesAgainWithIt() {
        let table = table()
        register(table, sql("a > 1"), sql("b > 1", topic: "U"))
        clock.advance(.seconds(1))
        register(table, sql("a > 1"))
        #expect(table[topic: "U", group: "g"]?.diedAt == clock.wallMilliseconds)
        #expect(table[topic: "T", group: "g"]?.isDead == false)
        // The reference looks at the topic alone: members may differ in how they filter it.
        register(table, SubscriptionData(topic: "T", tagExpression: "*", version: 2))
        #expect(table[topic: "T", group: "g"]?.isDead == false)
        table.unregister(group: "g")
        #expect(table[topic: "T", group: "g"]?.isDead == true)
        let born = table[topic: "T", group: "g"]?.bornAt
        register(table, sql("a > 1"))
        #expect(table[topic: "T", group: "g"]?.diedAt == 0)
        #expect(table[topic: "T", group: "g"]?.bornAt == born)
    }

    @Test func whatIsDeadForTooLongGoes() {
        let table = table()
        register(table, sql("a > 1"))
        register(table, sql("a > 1"), group: "stays")
        clock.advance(.seconds(1))
        table.unregister(group: "g")
        clock.advance(.seconds(59))
        table.clean(deadFor: .seconds(60))
        #expect(table[topic: "T", group: "g"] != nil)
        clock.advance(.seconds(1))
        table.clean(deadFor: .seconds(60))
        #expect(table[topic: "T", group: "g"] == nil)
        #expect(table[topic: "T", group: "stays"] != nil)
    }

    @Test func thereIsABoundWhichTheDeadMakeRoomIn() throws {
        var filters = ConsumerFilters()
        let long = "a IN ('" + String(repeating: "x", count: 60_000) + "')"
        let expression = try SQLExpression(long)
        let most = ConsumerFilters.textBytesLimit / long.utf8.count
        func filter(_ number: Int, diedAt: Int64 = 0) -> ConsumerFilter {
            ConsumerFilter(topic: "T", group: "g\(number)", expression: expression, version: 1, bornAt: 1, diedAt: diedAt, positions: [])
        }
        func isTaken(_ filter: ConsumerFilter) -> Bool { filters.insert(filter) }
        for number in 0..<most { #expect(isTaken(filter(number))) }
        #expect(!isTaken(filter(most)))
        #expect(isTaken(filter(0, diedAt: 2)), "it takes the place of its own")
        #expect(isTaken(filter(most)), "the dead one is gone")
        #expect(filters[topic: "T", group: "g0"] == nil)
        #expect(filters.count == most)
    }

    // MARK: Bit maps

    @Test func aBitMapSaysWhichFiltersAMessagePasses() throws {
        let table = table()
        #expect(bitmap(table, "a\u{1}5") == nil, "there is no filter")
        register(table, sql("a > 3"))
        register(table, sql("a > 7"), group: "h")
        #expect(bitmap(table, "a\u{1}5", topic: "U") == nil)
        let both = try #require(bitmap(table, "a\u{1}9")), one = try #require(bitmap(table, "a\u{1}5\u{2}"))
        #expect(both.count == 14)
        let (g, h) = (table.bloom.positions(of: "g#T"), table.bloom.positions(of: "h#T"))
        var expected = BloomBits(bitCount: 112)
        expected.set(g)
        #expect(one == expected.bytes)
        expected.set(h)
        #expect(both == expected.bytes)
        #expect(bitmap(table, "a\u{1}1") == [UInt8](repeating: 0, count: 14))
        // A group that is gone may come again, with the messages of meanwhile.
        table.unregister(group: "h")
        #expect(bitmap(table, "a\u{1}9") == both)
        table.setComputesBitmaps(false)
        #expect(bitmap(table, "a\u{1}9") == nil)
    }

    @Test func bitsAreSetUnseenWhereThereIsTooMuchToEvaluate() throws {
        let table = table()
        let padding = String(repeating: " ", count: ConsumerFilterTable.evaluatedBytesLimit / 2)
        for number in 0..<4 { register(table, sql("a > 3\(padding)"), group: "g\(number)") }
        let bits = try #require(bitmap(table, "a\u{1}1"))
        let set = (0..<4).filter { BloomBits(bits).contains(table.bloom.positions(of: "g\($0)#T")) }
        #expect(set.count >= 3, "a set bit costs a look at the record, a missing one would cost the message")
    }

    /// The clock is set back: what was stored before bears later times, and no bits of a filter that comes now.
    @Test func aFilterIsYoungerThanEveryMessageThatWasNotAskedAboutIt() {
        let table = table()
        register(table, sql("a > 3"))
        let newest = clock.wallMilliseconds + 3_600_000
        _ = bitmap(table, "a\u{1}5", at: newest)
        clock.advance(.seconds(1))
        register(table, sql("a > 3"), group: "h")
        #expect(table[topic: "T", group: "h"]?.bornAt == newest)
    }

    // MARK: The file

    private func load(_ text: String, into table: ConsumerFilterTable, logger: Logger = quiet) throws {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.sub("consumerFilter.json"), with: text)
        try table.load(from: folder.sub("consumerFilter.json"), logger: logger)
    }

    @Test func theReferencesFileIsReadAndWrittenAsItIs() throws {
        let table = table()
        let path = try GoldenData.path("store-clean/config/consumerFilter.json")
        try table.load(from: path, logger: quiet)
        let filter = try #require(table[topic: "GoldenPlain", group: "golden_sql_consumer"])
        #expect(filter.expression.text == "price > 20 AND colour = 'red'")
        #expect(filter.version == 1_795_232_556_966)
        #expect(filter.isDead)
        #expect(filter.positions == table.bloom.positions(of: "golden_sql_consumer#GoldenPlain"))
        #expect(try table.file.json.bytes(.pretty) == SmallFile.read(path))
        #expect(!table.haveChanged)
        // As in the one extension unit with a bit map that the reference left, and in one that it would have made.
        #expect(bitmap(table, "price\u{1}10\u{2}colour\u{1}red\u{2}", topic: "GoldenPlain") == [UInt8](repeating: 0, count: 14))
        let wanted = try #require(bitmap(table, "price\u{1}30\u{2}colour\u{1}red\u{2}", topic: "GoldenPlain"))
        #expect(wanted == [1, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 1, 0])
    }

    @Test func everybodyCountsAsGoneAtAStart() throws {
        let first = table()
        register(first, sql("a > 1"))
        clock.advance(.seconds(60))
        register(first, sql("b > 1"), group: "late")
        let second = table()
        try load(first.file.json.text(.pretty), into: second)
        #expect(second[topic: "T", group: "g"]?.diedAt == clock.wallMilliseconds - 30_000)
        let late = try #require(second[topic: "T", group: "late"])
        #expect(late.isDead && late.diedAt == late.bornAt)
        // Its consumer is back before bit maps are forgotten.
        register(second, sql("b > 1"), group: "late")
        #expect(second[topic: "T", group: "late"]?.bornAt == late.bornAt)
        #expect(second[topic: "T", group: "late"]?.isDead == false)
    }

    @Test(arguments: [{ $0.expectedFilters = 64 }, { $0.filterErrorPercent = 10 }] as [@Sendable (inout BrokerConfiguration) -> Void])
    func withBitsLaidOutOtherwiseTheWholeFileCountsForNothing(change: @Sendable (inout BrokerConfiguration) -> Void) throws {
        let table = table(change)
        try table.load(from: GoldenData.path("store-clean/config/consumerFilter.json"), logger: quiet)
        #expect(table[topic: "GoldenPlain", group: "golden_sql_consumer"] == nil)
    }

    private static func entry(_ changes: String = "") -> String {
        #"{"bloomFilterData":{"bitNum":112,"bitPos":[0,1,2]},"bornTime":1,"clientVersion":1,"deadTime":2,"expression":"a > 1","expressionType":"SQL92"\#(changes)}"#
    }

    @Test func entriesThatCannotBeUsedAreLeftOut() throws {
        let table = table(), sink = MemorySink()
        let text = """
            {"filterDataByTopic":{"T":{"groupFilterData":{"good":\(Self.entry()),"bad":\(Self.entry(#","expression":"a >""#)),\
            "type":\(Self.entry(#","expressionType":"X""#)),"number":7,"null":null},"topic":"other"},"U":[1],"V":null}}
            """
        try load(text, into: table, logger: Logger(category: "test", sink: sink))
        #expect(table.filters(of: "good").map(\.topic) == ["T"])
        for group in ["bad", "type", "number", "null"] { #expect(table.filters(of: group).isEmpty, "\(group)") }
        #expect(sink.records.count { $0.message.contains("left out") } == 4)
    }

    @Test(arguments: [
        "{}", "null", "", #"{"filterDataByTopic":{}}"#, #"{"filterDataByTopic":null}"#, #"{"filterDataByTopic":{"T":{}}}"#,
    ]) func aFileMayHoldNothing(text: String) throws {
        let table = table()
        try load(text, into: table)
        #expect(table.file.json.text(.fastjson) == #"{"filterDataByTopic":{}}"#)
    }

    @Test(arguments: ["[1", "7", #"{"filterDataByTopic":[1]}"#]) func aFileThatIsNoneStopsTheStart(text: String) {
        #expect(throws: BrokerError.self) { try load(text, into: table()) }
    }
}
