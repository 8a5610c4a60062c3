internal import Synchronization

/// All that a program counts and measures, by name and labels: the one place that whoever shows numbers reads.
public final class MetricRegistry: Sendable {
    /// Most series of one family, unless it says otherwise: twice the topics of a large broker, some 10 MB.
    public static let seriesLimit = 65_536
    /// The labels of what has no room; no name of a topic has such characters.
    public static let restLabel = "(other)"

    private let families = Mutex<[any MetricFamilyReading]>([])

    public init() {}

    /// Adds a family of metrics. Its name must be new.
    /// - Parameters:
    ///   - help: what it tells, in one sentence.
    ///   - labels: the names of what its series differ in; none for a single series.
    ///   - limit: the most series.
    public func family<Value: Metric>(
        _ name: String, _ help: String, labels: [String] = [], limit: Int = seriesLimit, _ make: @escaping @Sendable () -> Value
    ) -> MetricFamily<Value> {
        let family = MetricFamily(name, help: help, labels: labels, limit: limit, make: make)
        families.withLock { families in
            assert(!families.contains { $0.name.isExactly(name) }, "two families are called \(name)")
            families.append(family)
        }
        return family
    }

    /// What every family shows at this moment, in the order in which they were added.
    public var snapshot: [MetricSnapshot] { families.withLock { $0 }.map(\.snapshot) }
}

/// What one family of metrics showed at one moment.
public struct MetricSnapshot: Sendable, Equatable {
    /// One series of it.
    public struct Series: Sendable, Equatable {
        /// The values of its labels, in the order of the family's names.
        public let labels: [ByteText]
        /// What it showed.
        public let reading: MetricReading
    }

    /// The family's.
    public let name: ByteText
    /// What it tells, in one sentence.
    public let help: ByteText
    /// What its series differ in.
    public let labelNames: [ByteText]
    /// In the order of their labels.
    public let series: [Series]
}

/// A family, whatever its metrics are.
protocol MetricFamilyReading: Sendable {
    var name: String { get }
    var snapshot: MetricSnapshot { get }
}
