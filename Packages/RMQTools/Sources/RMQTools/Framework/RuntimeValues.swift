import RMQClient
import RMQCommon

/// What a broker tells of itself, as numbers. What is no number, or not there, counts as 0.
struct RuntimeValues {
    let table: [ByteText: String]

    init(_ table: [ByteText: String]) { self.table = table }

    /// The first of several numbers: of rates, that of the last seconds.
    func number(_ name: String) -> Double {
        guard let number = table[name]?.split(ascii: " ").first.flatMap({ Double($0) }), number.isFinite else { return 0 }
        return number
    }

    /// When a broker notes how far a counter is.
    enum Moment: String {
        case yesterdayMorning = "YesterdayMorning"
        case todayMorning = "TodayMorning"
        case now = "TodayNow"
    }

    /// How much a counter, such as `msgPutTotal`, grew between two moments.
    func growth(of counter: String, from earlier: Moment, to later: Moment) -> Int64 {
        func count(_ moment: Moment) -> Int64 { table[counter + moment.rawValue].flatMap { Int64($0) } ?? 0 }
        return count(later) &- count(earlier)
    }
}

extension BrokerStatsData {
    /// The sum of the last day; before a broker has one, that of the last hour, and before that, of the last minute.
    var dailyCount: Int64 { [day.sum, hour.sum].first { $0 != 0 } ?? minute.sum }
}
