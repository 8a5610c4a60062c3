@testable import RMQClient
import RMQCommon
import RMQTestSupport
import Testing

/// What a client counts of its consumers, sample by sample and without a clock.
@Suite(.takesTurns) struct ClientStatisticsTests {
    /// Takes the samples of so many rounds of ten seconds.
    private func samples(_ rounds: ClosedRange<Int>, of statistics: ClientStatistics) {
        for round in rounds { statistics.takeSample(round: round, now: .at(1_000_000 + Int64(round) * 10_000)) }
    }

    @Test func ratesAndTimesAreThoseOfTheLastMinute() {
        let statistics = ClientStatistics()
        samples(0...0, of: statistics)
        let counts = statistics.counts(topic: "T", group: "g")
        counts.countPull(60, elapsed: .milliseconds(30))
        counts.countPull(60, elapsed: .milliseconds(10))
        counts.countHandled(succeeded: 40, failed: 20, runs: 4, elapsed: .milliseconds(100))
        samples(1...1, of: statistics)
        let first = statistics.consumption(topic: "T", group: "g")
        #expect(first.pulledPerSecond == 12)
        #expect(first.pullTime == .milliseconds(20))
        #expect(first.consumedPerSecond == 4)
        #expect(first.failedPerSecond == 2)
        #expect(first.handlerTime == .milliseconds(25))
        #expect(first.failedInHour == 0, "the hour is sampled every ten minutes")

        samples(2...6, of: statistics)
        #expect(statistics.consumption(topic: "T", group: "g").pulledPerSecond == 2)
        samples(7...7, of: statistics)
        #expect(statistics.consumption(topic: "T", group: "g").pulledPerSecond == 0, "a minute has passed")
        samples(60...60, of: statistics)
        #expect(statistics.consumption(topic: "T", group: "g").failedInHour == 20)
        #expect(statistics.consumption(topic: "T", group: "g").handlerTime == .milliseconds(25), "of the last hour, for want of a newer one")
    }

    @Test func topicsAndGroupsAreCountedApart() {
        let statistics = ClientStatistics()
        statistics.counts(topic: "T", group: "g").countPull(10, elapsed: .zero)
        statistics.counts(topic: "T", group: "g").countPull(10, elapsed: .zero)
        statistics.counts(topic: "T", group: "h").countPull(30, elapsed: .zero)
        samples(0...0, of: statistics)
        #expect(statistics.consumption(topic: "T", group: "g").pulledPerSecond == 2)
        #expect(statistics.consumption(topic: "T", group: "h").pulledPerSecond == 3)
        #expect(statistics.consumption(topic: "U", group: "g") == ConsumptionStatistics())
        statistics.forget(group: "g")
        #expect(statistics.consumption(topic: "T", group: "g") == ConsumptionStatistics())
        #expect(statistics.consumption(topic: "T", group: "h").pulledPerSecond == 3)
    }

    @Test func theLogIsToldEachMinuteHourAndDay() {
        let statistics = ClientStatistics()
        statistics.counts(topic: "T", group: "g").countPull(60, elapsed: .milliseconds(7))
        samples(0...6, of: statistics)
        #expect(statistics.lines(round: 5) == [])
        #expect(statistics.lines(round: 6) == [
            "[PULL_TPS] [T@g] Stats In One Minute, SUM: 0 TPS: 0.00 AVGPT: 0.00", "[PULL_RT] [T@g] Stats In One Minute, TIMES: 0 AVGRT: 0.00",
        ])
        #expect(statistics.lines(round: 360).count == 4)
        #expect(statistics.lines(round: 8_640).count == 6)
    }
}
