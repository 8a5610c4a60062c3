import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct RequestTableTests {
    private static let table = RequestTable([
        RequestTable.Row(.sendMessage, "send"),
        RequestTable.Row(.getBrokerConfig, "configuration", access: .administrator),
        RequestTable.Row(.deleteExpiredCommitlog, "clean"),
    ])

    @Test func aCodeHasItsRow() throws {
        for (code, work) in [(RequestCode.sendMessage, "send"), (.getBrokerConfig, "configuration"), (.deleteExpiredCommitlog, "clean")] {
            let row = try #require(Self.table[code])
            #expect(row.code == code)
            #expect(row.work == work)
        }
    }

    @Test(arguments: [Int32.min, -1, 0, 9, 11, 328, 330, 100_000, .max]) func otherNumbersHaveNone(number: Int32) {
        #expect(Self.table[RequestCode(rawValue: number)] == nil)
    }

    @Test func nothingIsServed() { #expect(RequestTable<String>([])[.sendMessage] == nil) }

    /// A right has to be taken away from a request on purpose, not to be thought of.
    @Test func aRowAsksForAnAccountUnlessSaidOtherwise() {
        guard case .account? = Self.table[.sendMessage]?.access else { Issue.record("not an account"); return }
        guard case .administrator? = Self.table[.getBrokerConfig]?.access else { Issue.record("not an administrator"); return }
    }

    @Test func twoRowsForACodeStopTheProgram() async {
        await #expect(processExitsWith: .failure) {
            _ = RequestTable([RequestTable.Row(.sendMessage, "one"), RequestTable.Row(.sendMessage, "two")])
        }
    }

    @Test func rightsAreNamedByTheirBytes() {
        #expect(ResourceRight(.subscribe, group: "g") == ResourceRight(.subscribe, topic: "%RETRY%g"))
        #expect(ResourceRight(.subscribe, topic: "T") != ResourceRight(.publish, topic: "T"))
        #expect(ResourceRight(.publish, topic: "\u{304C}") != ResourceRight(.publish, topic: "\u{304B}\u{3099}"))
    }
}
