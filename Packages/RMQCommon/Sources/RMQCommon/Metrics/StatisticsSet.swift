internal import Synchronization

/// One of the reference's statistics: what is counted under one name, an item for each topic, group or queue.
///
///     loops, threads ─► Summary ─┐
///     every 10 s     ───sample───┴► windows of a minute, an hour, a day ─► what tools ask; lines of the log
public final class StatisticsSet: Sendable {
    /// How its log lines tell an item.
    public enum Kind: Sendable {
        /// `SUM: 60 TPS: 1.00 AVGPT: 2.50`
        case amounts
        /// The same, but how often something was counted is not told, so there is no average.
        case totals
        /// `TIMES: 12 AVGRT: 3.00`, of milliseconds.
        case times
    }

    private struct Item {
        /// Another one with the same labels, after this was removed, begins with no samples.
        let summary: Summary
        /// By the place in ``StatisticsSpan/allCases``.
        var windows = [SampleWindow](repeating: SampleWindow(), count: StatisticsSpan.allCases.count)
    }

    /// The reference's name of it, such as `TOPIC_PUT_NUMS`.
    public let name: String
    /// What is counted, a series an item.
    public let family: MetricFamily<Summary>
    private let kind: Kind
    private let items = Mutex<[[ByteText]: Item]>([:])

    public init(_ name: String, _ family: MetricFamily<Summary>, _ kind: Kind = .amounts) {
        self.name = name
        self.family = family
        self.kind = kind
    }

    /// Takes a sample of every item that was ever counted, and forgets those that are not there any more.
    public func sample(_ spans: [StatisticsSpan], now: MonotonicInstant) {
        let values = family.all.map { (labels: $0.labels, summary: $0.metric, value: $0.metric.value) }
        items.withLock { items in
            var next: [[ByteText]: Item] = [:]
            for (labels, summary, value) in values where value.times > 0 {
                var item = items[labels] ?? Item(summary: summary)
                if item.summary !== summary { item = Item(summary: summary) }
                for (index, span) in StatisticsSpan.allCases.enumerated() where spans.contains(span) {
                    item.windows[index].add(times: kind == .totals ? 0 : value.times, sum: value.sum, now: now, span)
                }
                next[labels] = item
            }
            items = next
        }
    }

    /// What was counted of one item in each span; nil when nothing ever was.
    public func snapshots(_ labels: [String]) -> [StatisticsSnapshot]? {
        guard let summary = family.existing(labels), summary.value.times > 0 else { return nil }
        let item = items.withLock { $0[labels.map { ByteText($0) }] }
        guard let item, item.summary === summary else { return StatisticsSpan.allCases.map { _ in StatisticsSnapshot() } }
        return item.windows.map(\.snapshot)
    }

    /// A line for each item, in the order of their keys.
    public func lines(_ span: StatisticsSpan) -> [String] {
        let index = StatisticsSpan.allCases.firstIndex(of: span)!
        let told = items.withLock { items in items.map { (key: Self.key($0.key), snapshot: $0.value.windows[index].snapshot) } }
        return told.sorted { ByteText($0.key) < ByteText($1.key) }.map { key, snapshot in
            "[\(name)] [\(key)] Stats In One \(span.name), \(text(snapshot))"
        }
    }

    private func text(_ snapshot: StatisticsSnapshot) -> String {
        let average = Decimal.text(snapshot.average, places: 2)
        switch kind {
        case .amounts, .totals: return "SUM: \(snapshot.sum) TPS: \(Decimal.text(snapshot.perSecond, places: 2)) AVGPT: \(average)"
        case .times: return "TIMES: \(snapshot.times) AVGRT: \(average)"
        }
    }

    /// The labels of an item, joined with `@`, as tools know it.
    public static func key(_ labels: [ByteText]) -> String { labels.map(\.text).joined(separator: "@") }
}
