import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct DataVersionTests {
    /// A name server takes no topics of a version that it has.
    @Test func everyChangeIsAVersionOfItsOwn() {
        var version = DataVersion(timestamp: 1000)
        var seen: Set<DataVersion> = [version]
        // Several within one millisecond, and after the clock was set back.
        for now: Int64 in [1000, 1000, 1001, 1001, 900, 900] {
            version.advance(now: now)
            #expect(version.timestamp == now)
            #expect(seen.insert(version).inserted, "\(version)")
        }
        #expect(version.counter == 6)
    }
}
