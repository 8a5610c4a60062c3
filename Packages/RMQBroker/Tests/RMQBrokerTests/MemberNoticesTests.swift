@testable import RMQBroker
import RMQTestSupport
import Testing

/// When members of a group are told that it changed.
@Suite(.takesTurns) struct MemberNoticesTests {
    @Test func aGroupIsToldAtOnceAndThenOfEverythingMeanwhile() {
        let notices = MemberNotices()
        #expect(notices.begin("g"))
        #expect(notices.begin("other"), "each group for itself")
        for _ in 0..<3 { #expect(!notices.begin("g"), "it was told a moment ago") }
        #expect(notices.endRest(of: "g"), "it changed since")
        #expect(!notices.endRest(of: "other"), "it did not")
        #expect(notices.begin("g"))
        #expect(!notices.endRest(of: "g"))
    }
}
