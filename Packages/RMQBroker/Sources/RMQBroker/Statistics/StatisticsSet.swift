import RMQCommon
import Synchronization

/// One of the reference's statistics: what is counted under one name, an item for each topic, group or queue.
///
///     loops, threads ─► Summary ─┐
///     every 10 s     ───sample───┴► windows of a minute, an hour, a day ─► code 315, 208, 317; lines of the log
final class StatisticsSet: Sendable {
    /// How its log lines tell an item.
    enum Kind {
        /// `SUM: 60 TPS: 1.00 AVGPT: 2.50`
        case amounts
        /// The same, but how often something was counted is not told, so there is no average.
        case totals
        /// `TIMES: 12 AVGRT: 3.00`, of milliseconds.
        case times
    }

    /// The most `@` in a key: three labels can be cut from it in some two thousand ways then.
    private static let separatorLimit = 64
    /// The longest key, in bytes: a queue, a topic and a group of the longest names.
    private static let keyLimit = 16 + 2 * ClientLimit.topicBytesOfOffsets

    private struct Item {
        /// Another one with the same labels, after this was removed, begins with no samples.
        let summary: Summary
        /// By the place in ``StatisticsSpan/allCases``.
        var windows = [SampleWindow](repeating: SampleWindow(), count: StatisticsSpan.allCases.count)
    }

    let name: String
    let family: MetricFamily<Summary>
    private let kind: Kind
    private let items = Mutex<[[ByteText]: Item]>([:])

    init(_ name: String, _ family: MetricFamily<Summary>, _ kind: Kind = .amounts) {
        self.name = name
        self.family = family
        self.kind = kind
    }

    /// Takes a sample of every item that was ever counted, and forgets those that are not there any more.
    func sample(_ spans: [StatisticsSpan], now: MonotonicInstant) {
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
    func snapshots(_ labels: [String]) -> [StatisticsSnapshot]? {
        guard let summary = family.existing(labels), summary.value.times > 0 else { return nil }
        let item = items.withLock { $0[labels.map { ByteText($0) }] }
        guard let item, item.summary === summary else { return StatisticsSpan.allCases.map { _ in StatisticsSnapshot() } }
        return item.windows.map(\.snapshot)
    }

    /// The same by the key that tools know the item by: its labels, joined with `@`, which may itself be in a group.
    func snapshots(key: String) -> [StatisticsSnapshot]? {
        guard key.utf8.count <= Self.keyLimit, key.utf8.count(where: { $0 == UInt8(ascii: "@") }) <= Self.separatorLimit else { return nil }
        for labels in Self.labels(joinedAs: Array(key.utf8), count: family.labelNames.count) {
            if let found = snapshots(labels) { return found }
        }
        return nil
    }

    /// Every way in which `count` labels make the key.
    private static func labels(joinedAs key: [UInt8], count: Int) -> [[String]] {
        guard count > 1 else { return [[String(decoding: key, as: UTF8.self)]] }
        return key.indices.filter { key[$0] == UInt8(ascii: "@") }.flatMap { separator in
            let first = String(decoding: key[..<separator], as: UTF8.self)
            return labels(joinedAs: Array(key[(separator + 1)...]), count: count - 1).map { [first] + $0 }
        }
    }

    /// A line for each item, in the order of their keys.
    func lines(_ span: StatisticsSpan) -> [String] {
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

    static func key(_ labels: [ByteText]) -> String { labels.map(\.text).joined(separator: "@") }
}
