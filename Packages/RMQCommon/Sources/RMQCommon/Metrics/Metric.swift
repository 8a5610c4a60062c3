/// Something that is counted or measured: a ``Counter``, a ``Gauge``, a ``Summary`` or a ``BucketHistogram``.
public protocol Metric: AnyObject, Sendable {
    /// What it shows at this moment.
    var reading: MetricReading { get }
}

/// What a metric showed at one moment.
public enum MetricReading: Sendable, Equatable {
    /// A total that only grows.
    case counter(Int64)
    /// A value that goes up and down.
    case gauge(Int64)
    /// How often something was counted, and the sum of the amounts.
    case summary(times: Int64, sum: Int64)
    /// How many values lay in each bucket (the last one has no upper bound), and their sum.
    case histogram(bounds: [Int64], counts: [Int64], sum: Int64)
}
