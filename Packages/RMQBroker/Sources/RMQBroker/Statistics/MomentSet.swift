import RMQCommon

/// A statistic of which the last value counts, an item for each queue, topic and group.
struct MomentSet: Sendable {
    let name: String
    let family: MetricFamily<Gauge>

    init(_ name: String, _ family: MetricFamily<Gauge>) {
        self.name = name
        self.family = family
    }

    /// A line for each item, in the order of their keys.
    var lines: [String] {
        family.all.map { (key: StatisticsSet.key($0.labels), value: $0.metric.value) }.sorted { ByteText($0.key) < ByteText($1.key) }
            .map { "[\(name)] [\($0.key)] Stats Every 5 Minutes, Value: \($0.value)" }
    }
}
