/// A span of time over which a statistic is told.
public enum StatisticsSpan: CaseIterable, Sendable {
    /// Sampled every ten seconds.
    case minute
    /// Sampled every ten minutes.
    case hour
    /// Sampled every hour.
    case day

    /// How often a sample of it is taken.
    public var period: Duration {
        switch self {
        case .minute: .seconds(10)
        case .hour: .seconds(600)
        case .day: .seconds(3_600)
        }
    }

    /// Both ends of six spans of ten seconds, of six of ten minutes, of 24 of an hour.
    fileprivate var sampleLimit: Int {
        switch self {
        case .minute, .hour: 7
        case .day: 25
        }
    }

    /// As log lines call it.
    public var name: String {
        switch self {
        case .minute: "Minute"
        case .hour: "Hour"
        case .day: "Day"
        }
    }
}

/// What was counted in a span of time.
public struct StatisticsSnapshot: Equatable, Sendable {
    /// Of the amounts: messages, bytes, milliseconds.
    public var sum: Int64 = 0
    /// How often something was counted.
    public var times: Int64 = 0
    /// `sum` a second.
    public var perSecond = 0.0

    public init(sum: Int64 = 0, times: Int64 = 0, perSecond: Double = 0) {
        self.sum = sum
        self.times = times
        self.perSecond = perSecond
    }

    /// `sum` by `times`; 0 of none.
    public var average: Double { times > 0 ? Double(sum) / Double(times) : 0 }
}

/// What a counter showed at some moments of the last minute, hour or day. The oldest sample goes when there are too many.
public struct SampleWindow: Sendable {
    private struct Sample {
        let time: MonotonicInstant
        let times: Int64
        let sum: Int64
    }

    private var samples: [Sample] = []

    public init() {}

    /// The first sample comes with one of nothing a period before it: what is new was counted since then at the earliest.
    public mutating func add(times: Int64, sum: Int64, now: MonotonicInstant, _ span: StatisticsSpan) {
        if samples.isEmpty { samples.append(Sample(time: now + (.zero - span.period), times: 0, sum: 0)) }
        samples.append(Sample(time: now, times: times, sum: sum))
        if samples.count > span.sampleLimit { samples.removeFirst() }
    }

    /// From the first sample to the last one; zeros before there is one.
    public var snapshot: StatisticsSnapshot {
        guard let first = samples.first, let last = samples.last, last.time > first.time else { return StatisticsSnapshot() }
        let sum = last.sum &- first.sum
        return StatisticsSnapshot(
            sum: sum, times: last.times &- first.times, perSecond: Double(sum) * 1_000 / Double((last.time - first.time).milliseconds))
    }
}
