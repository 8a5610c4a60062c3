@testable import RMQBroker
import RMQCommon
import RMQTestSupport
import Testing

/// Samples and what is told of them, without a broker.
@Suite(.takesTurns) struct StatisticsSetTests {
    private func set(_ kind: StatisticsSet.Kind = .amounts, labels: [String] = ["topic", "group"]) -> StatisticsSet {
        StatisticsSet("GROUP_GET_NUMS", MetricRegistry().family("gets", "Messages.", labels: labels) { Summary() }, kind)
    }

    @Test func theFirstSampleComesWithOneOfNothing() {
        var window = SampleWindow()
        #expect(window.snapshot == StatisticsSnapshot())
        window.add(times: 4, sum: 100, now: .at(3_000), .minute)
        #expect(window.snapshot == StatisticsSnapshot(sum: 100, times: 4, perSecond: 10))
        #expect(window.snapshot.average == 25)
    }

    /// Of each span: samples until nothing of the first is told any more, and its length.
    @Test(arguments: [(StatisticsSpan.minute, 60.0, 6), (.hour, 3_600, 6), (.day, 86_400, 24)])
    func aSpanIsAsLongAsItsNameSays(span: StatisticsSpan, seconds: Double, samples: Int) {
        var window = SampleWindow()
        var now = MonotonicInstant.at(100_000_000)
        for _ in 0..<samples {
            window.add(times: 1, sum: 600, now: now, span)
            now = now + span.period
        }
        #expect(window.snapshot.sum == 600)
        window.add(times: 3, sum: 800, now: now, span)
        #expect(window.snapshot == StatisticsSnapshot(sum: 200, times: 2, perSecond: 200 / seconds))
    }

    @Test func anItemIsThereFromItsFirstCountOn() {
        let set = set()
        let summary = set.family.series(["T", "g"])
        #expect(set.snapshots(key: "T@g") == nil)
        summary.add(5)
        #expect(set.snapshots(key: "T@g") == [StatisticsSnapshot(), StatisticsSnapshot(), StatisticsSnapshot()])
        set.sample(StatisticsSpan.allCases, now: .at(1_000_000))
        #expect(set.snapshots(key: "T@g")?.map(\.sum) == [5, 5, 5])
        #expect(set.snapshots(key: "T@g")?.map(\.perSecond) == [0.5, 5.0 / 600, 5.0 / 3_600])
        #expect(set.snapshots(key: "T@h") == nil)
        #expect(set.snapshots(key: "T") == nil)
        #expect(set.snapshots(key: "") == nil)
    }

    @Test func aKeyIsFoundThoughTheGroupHasTheSeparator() {
        let set = set(labels: ["queue", "topic", "group"])
        set.family.series(["0", "T", "a@b@"]).add(1)
        set.family.series(["0", "%RETRY%a@b", "a@b"]).add(2)
        set.sample([.minute], now: .at(0))
        #expect(set.snapshots(key: "0@T@a@b@")?[0].sum == 1)
        #expect(set.snapshots(key: "0@%RETRY%a@b@a@b")?[0].sum == 2)
        #expect(set.snapshots(key: "0@" + String(repeating: "@", count: 100_000)) == nil)
    }

    /// Who comes again under the same name is another one.
    @Test func whatIsRemovedAndComesAgainBeginsWithNothing() {
        let set = set()
        set.family.series(["T", "g"]).add(100)
        set.sample([.minute], now: .at(10_000))
        set.family.removeAll { $0[0] == "T" }
        #expect(set.snapshots(["T", "g"]) == nil)
        set.family.series(["T", "g"]).add(7)
        #expect(set.snapshots(["T", "g"])?[0] == StatisticsSnapshot())
        set.sample([.minute], now: .at(20_000))
        #expect(set.snapshots(["T", "g"])?[0].sum == 7)
    }

    @Test func linesAreTheReferences() {
        for (kind, text) in [
            (StatisticsSet.Kind.amounts, "SUM: 60 TPS: 6.00 AVGPT: 2.50"), (.totals, "SUM: 60 TPS: 6.00 AVGPT: 0.00"), (.times, "TIMES: 24 AVGRT: 2.50"),
        ] {
            let set = set(kind)
            set.family.series(["T", "b"]).add(60, times: 24)
            _ = set.family.series(["T", "a"])
            set.sample([.minute], now: .at(0))
            #expect(set.lines(.minute) == ["[GROUP_GET_NUMS] [T@b] Stats In One Minute, " + text])
            let nothing = kind == .times ? "TIMES: 0 AVGRT: 0.00" : "SUM: 0 TPS: 0.00 AVGPT: 0.00"
            #expect(set.lines(.day) == ["[GROUP_GET_NUMS] [T@b] Stats In One Day, " + nothing])
        }
    }

    @Test func momentsShowTheLastValue() {
        let moments = MomentSet("GROUP_GET_FALL_SIZE", MetricRegistry().family("falls", "Bytes.", labels: ["queue", "topic", "group"]) { Gauge() })
        moments.family.series(["1", "T", "g"]).set(5)
        moments.family.series(["0", "T", "g"]).set(9)
        moments.family.series(["0", "T", "g"]).set(7)
        #expect(moments.lines == [
            "[GROUP_GET_FALL_SIZE] [0@T@g] Stats Every 5 Minutes, Value: 7", "[GROUP_GET_FALL_SIZE] [1@T@g] Stats Every 5 Minutes, Value: 5",
        ])
    }
}
