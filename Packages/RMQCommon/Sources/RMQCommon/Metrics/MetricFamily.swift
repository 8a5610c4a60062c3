internal import Synchronization

/// Metrics of one name that differ in the values of their labels: one series for each topic, say.
///
///     family.series(["TopicTest"]) ─► Summary ─► part(loop) ─► add
///     └── a lock and a look-up: once         └── kept by who counts
///
/// The number of series is bounded, for the values of labels come from clients. What has no room is counted in one series
/// more, all of whose labels are ``MetricRegistry/restLabel``, so that sums over the family stay right.
public final class MetricFamily<Value: Metric>: Sendable {
    private struct State {
        var series: [[ByteText]: Value] = [:]
        var rest: Value?
    }

    /// As readers know it.
    public let name: String
    /// What it tells, in one sentence.
    public let help: String
    /// What its series differ in.
    public let labelNames: [String]
    private let limit: Int
    private let make: @Sendable () -> Value
    private let state = Mutex(State())

    init(_ name: String, help: String, labels: [String], limit: Int, make: @escaping @Sendable () -> Value) {
        self.name = name
        self.help = help
        labelNames = labels
        self.limit = limit
        self.make = make
    }

    /// The series with these values of the labels, made when it is the first time. Takes a lock: keep it.
    public func series(_ labels: [String]) -> Value {
        assert(labels.count == labelNames.count, "a value for each label of \(name)")
        let key = labels.map { ByteText($0) }
        return state.withLock { state in
            if let found = state.series[key] { return found }
            guard state.series.count < limit else {
                let rest = state.rest ?? make()
                state.rest = rest
                return rest
            }
            let made = make()
            state.series[key] = made
            return made
        }
    }

    /// The series with these values of the labels, if it was made.
    public func existing(_ labels: [String]) -> Value? {
        let key = labels.map { ByteText($0) }
        return state.withLock { $0.series[key] }
    }

    /// Forgets the series whose labels `isUnwanted` picks. Who keeps one of them counts on for no one.
    public func removeAll(where isUnwanted: ([ByteText]) -> Bool) {
        state.withLock { state in state.series = state.series.filter { !isUnwanted($0.key) } }
    }

    /// Every series with the values of its labels, in no order.
    public var all: [(labels: [ByteText], metric: Value)] {
        state.withLock { state in
            let rest = state.rest.map { [([ByteText](repeating: ByteText(MetricRegistry.restLabel), count: labelNames.count), $0)] } ?? []
            return state.series.map { ($0.key, $0.value) } + rest
        }
    }
}

extension MetricFamily: MetricFamilyReading {
    var snapshot: MetricSnapshot {
        let series = all.sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
        return MetricSnapshot(
            name: ByteText(name), help: ByteText(help), labelNames: labelNames.map { ByteText($0) },
            series: series.map { MetricSnapshot.Series(labels: $0.labels, reading: $0.metric.reading) })
    }
}
