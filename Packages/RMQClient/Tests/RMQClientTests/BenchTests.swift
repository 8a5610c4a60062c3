@testable import RMQBench
import Testing

@Suite struct IdleLimitTests {
    @Test func onlySilenceCounts() {
        let second: Int64 = 1_000_000_000
        var idle = IdleLimit(.seconds(30), now: 100 * second)
        var reached: [Bool] = []
        // Nothing at first, a message at 129 s, another at 158 s, then silence.
        for (count, time) in [(0, 129), (1, 129), (1, 158), (2, 158), (2, 187), (2, 188)] as [(Int64, Int64)] {
            reached.append(idle.isReached(count: count, now: time * second))
        }
        #expect(reached == [false, false, false, false, false, true])
    }
}
