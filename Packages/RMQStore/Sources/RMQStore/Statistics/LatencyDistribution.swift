/// How often something took how many milliseconds: the reference's two histograms.
public struct LatencyDistribution: Sendable, Equatable {
    /// The labels of ``coarse``.
    public static let labels = [
        "[<=0ms]", "[0~10ms]", "[10~50ms]", "[50~100ms]", "[100~200ms]", "[200~500ms]", "[500ms~1s]", "[1~2s]", "[2~3s]", "[3~4s]", "[4~5s]",
        "[5~10s]", "[10s~]",
    ]
    /// From the second on, where each class of ``coarse`` begins.
    private static let coarseStarts: [Int64] = [1, 10, 50, 100, 200, 500, 1000, 2000, 3000, 4000, 5000, 10_000]
    /// The largest value of each class of `fine` but the last.
    private static let edges: [Int64] = [
        Array(1...20), Array(stride(from: 22, through: 50, by: 2)), Array(stride(from: 55, through: 100, by: 5)),
        Array(stride(from: 110, through: 200, by: 10)), Array(stride(from: 250, through: 500, by: 50)),
        Array(stride(from: 600, through: 1000, by: 100)), Array(stride(from: 2000, through: 10_000, by: 1000)),
    ].flatMap { $0.map { Int64($0) } }

    /// Counts per class of ``labels``.
    public private(set) var coarse = [Int](repeating: 0, count: labels.count)
    /// `[<=0ms]:12 [0~10ms]:3 … `, as the reference writes it.
    public var text: String { zip(Self.labels, coarse).map { "\($0):\($1) " }.joined() }
    private var fine = [Int](repeating: 0, count: edges.count + 1)

    @inline(__always)
    mutating func record(milliseconds: Int64, count: Int = 1) {
        if milliseconds <= 0 {
            coarse[0] += count
            fine[0] += count
        } else {
            recordSlow(milliseconds, count)
        }
    }

    private mutating func recordSlow(_ milliseconds: Int64, _ count: Int) {
        coarse[Self.coarseStarts.lastIndex { $0 <= milliseconds }.map { $0 + 1 } ?? 0] += count
        fine[Self.edges.firstIndex { $0 >= milliseconds } ?? Self.edges.count] += count
    }

    /// The value that a share of all stays below, between the bounds of its class by proportion; in milliseconds.
    public func percentile(_ share: Double) -> Double {
        let wanted = Int(Double(fine.reduce(0, +)) * share)
        var passed = 0
        for (index, count) in fine.enumerated() {
            if wanted <= passed + count {
                let lower = index == 0 ? 0 : Double(Self.edges[index - 1])
                guard count > 0, index < Self.edges.count else { return lower }
                return lower + (Double(Self.edges[index]) - lower) * Double(wanted - passed) / Double(count)
            }
            passed += count
        }
        return 0
    }
}

/// What the appends of this and of the last whole minute took. Under the append lock.
struct PutTimes {
    var slowest: Int64 = 0
    private var thisMinute = LatencyDistribution()
    /// nil during the first minute.
    private(set) var lastMinute: LatencyDistribution?

    /// - Parameter count: how many messages took that long together.
    @inline(__always)
    mutating func record(milliseconds: Int64, count: Int) {
        thisMinute.record(milliseconds: milliseconds, count: count)
        if milliseconds > slowest { slowest = milliseconds }
    }

    mutating func beginMinute() {
        lastMinute = thisMinute
        thisMinute = LatencyDistribution()
    }
}
