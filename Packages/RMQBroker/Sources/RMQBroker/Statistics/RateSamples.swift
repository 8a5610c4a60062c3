import RMQCommon
import RMQStore
import Synchronization

/// What the store had done at some moments of the last ten minutes and at midnight, from which rates and totals of days
/// are computed.
final class RateSamples: Sendable {
    private struct Sample {
        let time: MonotonicInstant
        let statistics: StoreStatistics
    }

    /// What had been done when yesterday and today began; nothing when the broker was not running then.
    struct Days {
        var yesterday = StoreStatistics()
        var today = StoreStatistics()
        /// The number of today.
        fileprivate var day: Int?
    }

    private struct State {
        var samples: [Sample] = []
        var days = Days()
    }

    /// Ten minutes of samples taken every 10 s, and the ones at both ends.
    private static let limit = 62
    private let state = Mutex(State())

    var days: Days { state.withLock { $0.days } }

    /// - Parameter day: today's number. Only a later one begins a day: clocks are also set back over midnight.
    /// - Returns: what messages were stored and read on the day that ended, if one did.
    @discardableResult
    func add(_ statistics: StoreStatistics, now: MonotonicInstant, day: Int) -> (put: Int, get: Int)? {
        state.withLock { state in
            state.samples.append(Sample(time: now, statistics: statistics))
            if state.samples.count > Self.limit { state.samples.removeFirst() }
            defer { state.days.day = day }
            guard let before = state.days.day, before < day else { return nil }
            let began = state.days.today
            state.days.yesterday = began
            state.days.today = statistics
            return (statistics.appendedMessages - began.appendedMessages, statistics.readMessages - began.readMessages)
        }
    }

    /// How fast something has grown in the last seconds; nil while there is no sample as old as that.
    func perSecond(_ value: (StoreStatistics) -> Int, seconds: Int64, _ statistics: StoreStatistics, now: MonotonicInstant) -> Double? {
        let from = state.withLock { state in state.samples.last { now - $0.time >= .seconds(seconds) } }
        guard let from, now > from.time else { return nil }
        return Double(value(statistics) - value(from.statistics)) / ((now - from.time) / .seconds(1))
    }

    struct Rates {
        var put, found, miss, total, transferred: String
    }

    /// Per second over the last 10, 60 and 600 s, each as three numbers between blanks. A number is left out while there is
    /// no sample as old as that.
    func rates(_ statistics: StoreStatistics, now: MonotonicInstant) -> Rates {
        func text(_ value: (StoreStatistics) -> Int, absent: String = "") -> String {
            [10, 60, 600].map { (seconds: Int64) in perSecond(value, seconds: seconds, statistics, now: now).map { "\($0)" } ?? absent }
                .joined(separator: " ")
        }
        return Rates(
            put: text(\.appendedMessages), found: text(\.foundReads), miss: text(\.missedReads),
            total: text({ $0.foundReads + $0.missedReads }, absent: "0.0"), transferred: text(\.readMessages))
    }
}
