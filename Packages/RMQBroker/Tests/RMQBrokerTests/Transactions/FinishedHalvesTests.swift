import RMQTestSupport
import Testing

@testable import RMQBroker

@Suite(.takesTurns) struct FinishedHalvesTests {
    @Test func eachHalfMessageIsFinishedOnce() {
        var halves = FinishedHalves()
        let first = halves.begin(5, origin: 5)
        let atOnce = halves.begin(5, origin: 5)
        #expect(first == .begun && atOnce == .busy)
        halves.end(5, origin: 5, isStored: false)
        let again = halves.begin(5, origin: 5)
        #expect(again == .begun && !halves.isFinished(5))
        halves.end(5, origin: 5, isStored: true)
        let late = halves.begin(5, origin: 5)
        #expect(late == .finished && halves.isFinished(5) && !halves.isFinished(4))
    }

    /// A copy, and the half message that it is a copy of, are one transaction.
    @Test func aCopyEndsItsOrigin() {
        var halves = FinishedHalves()
        let copy = halves.begin(9, origin: 2)
        let origin = halves.begin(2, origin: 2)
        #expect(copy == .begun && origin == .busy)
        halves.end(9, origin: 2, isStored: true)
        let another = halves.begin(20, origin: 2)
        #expect(another == .finished && halves.isFinished(2) && halves.isFinished(9) && !halves.isFinished(20))
    }

    @Test func theFirstUnfinishedIsFoundAcrossWordsAndChunks() {
        var halves = FinishedHalves()
        for offset in Int64(0)..<200_000 where offset != 131_100 { halves.insert(offset) }
        #expect(halves.firstUnfinished(in: 0..<200_000) == 131_100)
        #expect(halves.firstUnfinished(in: 131_101..<200_000) == 200_000)
        #expect(halves.firstUnfinished(in: 131_101..<199_999) == 199_999)
        #expect(halves.firstUnfinished(in: 3..<1_000) == 1_000)
        #expect(halves.firstUnfinished(in: 199_990..<300_000) == 200_000)
        #expect(halves.firstUnfinished(in: 7..<7) == 7)
    }

    /// What is swept is remembered for a while; transactions that end after they were swept for longer.
    @Test func memoryIsBounded() {
        let far: Int64 = 10_000_000
        var halves = FinishedHalves()
        halves.insert(1)
        halves.insert(far - 1)
        halves.sweep(to: far)
        #expect(!halves.isFinished(1) && halves.isFinished(far - 1))
        halves.end(far + 5, origin: 2, isStored: true)
        #expect(halves.isFinished(2))
        for origin in Int64(100)..<100 + 65_536 { halves.insert(origin) }
        #expect(!halves.isFinished(2) && halves.isFinished(100) && halves.isFinished(100 + 65_535))
        // Far beyond what a broker can have, the oldest are let go.
        halves.insert(far + 400_000_000)
        #expect(!halves.isFinished(far - 1) && halves.isFinished(far + 400_000_000))
    }

    @Test func aBrokerThatStartsLateKnowsWhatIsBefore() {
        var halves = FinishedHalves(swept: 5_000_000)
        for offset in [0, 4_999_999, 5_000_000] as [Int64] { halves.insert(offset) }
        #expect([0, 4_999_999, 5_000_000].allSatisfy { halves.isFinished($0) } && !halves.isFinished(1))
    }
}
