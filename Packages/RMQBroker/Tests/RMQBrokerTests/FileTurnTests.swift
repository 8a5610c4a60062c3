@testable import RMQBroker
import RMQTestSupport
import Testing

/// When a table's file is written that many ask for.
@Suite(.takesTurns) struct FileTurnTests {
    @Test func whatIsAskedForWhileItIsWrittenIsOneMoreWrite() {
        let turn = FileTurn()
        #expect(turn.ask())
        #expect(!turn.ask(), "the write has not begun and will hold it")
        turn.begin()
        #expect(!turn.ask())
        #expect(!turn.ask())
        #expect(turn.end(), "one more for both")
        turn.begin()
        #expect(!turn.end())
        #expect(turn.ask())
    }

    @Test func aWriteThatNobodyDoesIsDueOnce() {
        let turn = FileTurn()
        #expect(turn.ask())
        turn.refuse()
        #expect(turn.takeRefused())
        #expect(!turn.takeRefused())
        turn.refuse()
        #expect(turn.ask(), "or someone asks again")
        #expect(!turn.takeRefused())
    }

    @Test func itKeepsWhyTheLastWriteFailed() {
        let turn = FileTurn()
        #expect(turn.write { (1, failure: "no space left") } == 1)
        #expect(turn.failure == "no space left")
        #expect(turn.write { (2, failure: nil) } == 2)
        #expect(turn.failure == nil)
        turn.close()
        #expect(turn.write { (3, failure: nil) } == nil)
    }
}
