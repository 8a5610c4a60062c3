@testable import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct MetricRegistryTests {
    @Test func aSeriesIsMadeOnceAndFoundByItsLabels() {
        let registry = MetricRegistry()
        let sends = registry.family("sends", "Messages of sends.", labels: ["topic", "group"]) { Summary() }
        sends.series(["T", "g"]).add(3)
        sends.series(["T", "g"]).add(4)
        sends.series(["T", "h"]).add(1, times: 2)
        #expect(sends.existing(["T", "g"])?.reading == .summary(times: 2, sum: 7))
        #expect(sends.existing(["Tg", ""]) == nil, "labels are apart, whatever they are joined to")
        #expect(registry.snapshot == [
            MetricSnapshot(
                name: "sends", help: "Messages of sends.", labelNames: ["topic", "group"],
                series: [.init(labels: ["T", "g"], reading: .summary(times: 2, sum: 7)), .init(labels: ["T", "h"], reading: .summary(times: 2, sum: 1))])
        ])
    }

    @Test func familiesAreShownInTheirOrder() {
        let registry = MetricRegistry()
        let lost = registry.family("lost", "Lines that are lost.") { Counter() }
        let behind = registry.family("behind", "Bytes.", labels: ["queue"]) { Gauge() }
        let waits = registry.family("waits", "Milliseconds.") { BucketHistogram(bounds: [1, 10]) }
        lost.series([]).add(2)
        behind.series(["0"]).set(5)
        behind.series(["0"]).set(-3)
        for value in [0, 1, 2, 10, 11, 1_000] as [Int64] { waits.series([]).record(value) }
        #expect(registry.snapshot.map(\.name) == ["lost", "behind", "waits"])
        #expect(registry.snapshot.flatMap(\.series).map(\.reading) == [.counter(2), .gauge(-3), .histogram(bounds: [1, 10], counts: [2, 2, 2], sum: 1_024)])
    }

    @Test func whatHasNoRoomIsCountedTogether() {
        let family = MetricRegistry().family("sends", "Messages.", labels: ["topic"], limit: 2) { Counter() }
        for topic in ["a", "b", "c", "d", "a"] { family.series([topic]).add() }
        let shown = Dictionary(family.all.map { ($0.labels[0], $0.metric.value) }) { $0 + $1 }
        #expect(shown == ["a": 2, "b": 1, "(other)": 2])
    }

    @Test func whatIsRemovedBeginsAgainWithNothing() {
        let family = MetricRegistry().family("sends", "Messages.", labels: ["topic"], limit: 2) { Counter() }
        for topic in ["a", "b"] { family.series([topic]).add() }
        let kept = family.series(["a"])
        family.removeAll { $0[0] == "a" }
        kept.add()
        #expect(family.existing(["a"]) == nil)
        #expect(family.series(["a"]).value == 0)
        #expect(family.series(["b"]).value == 1)
    }

    @Test func theLabelsAreTheirBytes() {
        let family = MetricRegistry().family("sends", "Messages.", labels: ["group"]) { Counter() }
        family.series(["가"]).add()
        #expect(family.existing(["\u{1100}\u{1161}"]) == nil)
    }

    /// Each loop counts in a part of its own, workers count beside them.
    @Test func nothingIsLostBetweenThreads() async {
        let summary = Summary()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask {
                    let part = summary.part(number)
                    for _ in 0..<10_000 { part.add(3) }
                }
                group.addTask { for _ in 0..<1_000 { summary.add(2, times: 2) } }
            }
        }
        #expect(summary.reading == .summary(times: 48_000, sum: 128_000))
    }
}
