/// A moment taken apart into the fields of a zone's calendar.
///
/// The Gregorian calendar for all times, without leap seconds, as in the reference's files and lines.
public struct CalendarTime: Equatable, Sendable {
    /// As a person writes them: months and days count from 1.
    public var year, month, day, hour, minute, second, millisecond: Int

    /// Fields as they were typed. One that is too large or too small carries into the next: month 13 is the next January.
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, millisecond: Int = 0) {
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute, self.second, self.millisecond) = (hour, minute, second, millisecond)
    }

    /// - Parameter milliseconds: since 1970.
    public init(milliseconds: Int64, zone: Zone = .system) {
        let (seconds, millisecond) = Self.divide(Int(milliseconds), by: 1000)
        let local = seconds + zone.secondsEastOfGreenwich(atSecond: Int64(seconds))
        let (days, rest) = Self.divide(local, by: 86_400)
        (year, month, day) = Self.date(daysSince1970: days)
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
        self.millisecond = millisecond
    }

    /// Milliseconds since 1970 at which clocks of `zone` show these fields. When they do so twice, the later time; when they
    /// skip it, as much later as they skip. Held within 64 bits, which are 292 million years.
    public func milliseconds(in zone: Zone = .system) -> Int64 {
        let local = Self.daysSince1970(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second
        let seconds = zone.seconds(showing: Int64(local))
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : product + Int64(millisecond)
    }

    /// `2023-11-14 22:13:20,000`
    public var text: String { "\(dateText) \(timeText),\(Decimal.text(millisecond, digits: 3))" }
    /// `2023-11-14 22:13:20`
    public var textToTheSecond: String { "\(dateText) \(timeText)" }
    /// `2023-11-14#22:13:20:000`
    public var hashText: String { "\(dateText)#\(timeText):\(Decimal.text(millisecond, digits: 3))" }
    /// `20231114221320000`, the name of an index file.
    public var compactText: String { compactTextToTheSecond + Decimal.text(millisecond, digits: 3) }
    /// `20231114221320`, the form of a consumer's start timestamp.
    public var compactTextToTheSecond: String {
        Decimal.text(year, digits: 4) + [month, day, hour, minute, second].map { Decimal.text($0, digits: 2) }.joined()
    }

    private var dateText: String { "\(Decimal.text(year, digits: 4))-\(Decimal.text(month, digits: 2))-\(Decimal.text(day, digits: 2))" }
    private var timeText: String { [hour, minute, second].map { Decimal.text($0, digits: 2) }.joined(separator: ":") }

    /// The month that a moment is in, as milliseconds since 1970 from its first midnight to that of the next month.
    public static func month(of milliseconds: Int64, in zone: Zone = .system) -> Range<Int64> {
        let time = CalendarTime(milliseconds: milliseconds, zone: zone)
        let start = CalendarTime(year: time.year, month: time.month, day: 1).milliseconds(in: zone)
        return start..<CalendarTime(year: time.year, month: time.month + 1, day: 1).milliseconds(in: zone)
    }

    /// Days since 1970 began in the zone: every day has a number, also over the year's turn.
    public static func dayNumber(of milliseconds: Int64, in zone: Zone = .system) -> Int {
        let time = CalendarTime(milliseconds: milliseconds, zone: zone)
        return daysSince1970(year: time.year, month: time.month, day: time.day)
    }

    // MARK: The calendar
    //
    // Counted in eras of 400 years, which all have 146,097 days, and years that begin in March: a leap day is the last of its year.

    private static let eraDays = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysBefore1970 = 719_468

    private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
        let (years, monthOfYear) = divide(month - 3, by: 12)
        let (era, yearOfEra) = divide(year + years, by: 400)
        let dayOfYear = (153 * monthOfYear + 2) / 5 + day - 1
        return era * eraDays + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - daysBefore1970
    }

    private static func date(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = divide(daysSince1970 + daysBefore1970, by: eraDays)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthOfYear = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthOfYear + 2) / 5 + 1
        let year = era * 400 + yearOfEra
        return monthOfYear < 10 ? (year, monthOfYear + 3, day) : (year + 1, monthOfYear - 9, day)
    }

    /// Rounded down, also below zero, so that the rest is never negative.
    private static func divide(_ number: Int, by divisor: Int) -> (quotient: Int, rest: Int) {
        let (quotient, rest) = number.quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
    }
}
