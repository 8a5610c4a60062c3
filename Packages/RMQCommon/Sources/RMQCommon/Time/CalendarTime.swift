internal import Glibc

/// A moment taken apart into the fields of the local calendar.
public struct CalendarTime: Equatable, Sendable {
    public var year, month, day, hour, minute, second, millisecond: Int

    /// - Parameters:
    ///   - milliseconds: since 1970.
    ///   - secondsEastOfGreenwich: a fixed zone instead of the process's own.
    public init(milliseconds: Int64, secondsEastOfGreenwich: Int? = nil) {
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        var time = time_t(rest < 0 ? seconds - 1 : seconds)
        var fields = tm()
        if let zone = secondsEastOfGreenwich {
            time += zone
            gmtime_r(&time, &fields)
        } else {
            localtime_r(&time, &fields)
        }
        year = Int(fields.tm_year) + 1900
        month = Int(fields.tm_mon) + 1
        day = Int(fields.tm_mday)
        hour = Int(fields.tm_hour)
        minute = Int(fields.tm_min)
        second = Int(fields.tm_sec)
        millisecond = Int(rest < 0 ? rest + 1000 : rest)
    }

    /// Milliseconds since 1970 of these fields in the process's zone.
    public var milliseconds: Int64 {
        var fields = tm()
        fields.tm_year = Int32(truncatingIfNeeded: year - 1900)
        fields.tm_mon = Int32(truncatingIfNeeded: month - 1)
        fields.tm_mday = Int32(truncatingIfNeeded: day)
        fields.tm_hour = Int32(truncatingIfNeeded: hour)
        fields.tm_min = Int32(truncatingIfNeeded: minute)
        fields.tm_sec = Int32(truncatingIfNeeded: second)
        fields.tm_isdst = -1
        return Int64(mktime(&fields)) * 1000 + Int64(millisecond)
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

    /// When the month of that moment began in the process's zone.
    public static func monthStart(of milliseconds: Int64) -> Int64 {
        var time = CalendarTime(milliseconds: milliseconds)
        (time.day, time.hour, time.minute, time.second, time.millisecond) = (1, 0, 0, 0, 0)
        return time.milliseconds
    }

    public static func nextMonthStart(after milliseconds: Int64) -> Int64 {
        var time = CalendarTime(milliseconds: monthStart(of: milliseconds))
        time.month += 1   // the calendar carries month 13 into the next year
        return time.milliseconds
    }
}

/// Numbers as text of a given width.
public enum Decimal {
    /// Zeros in front up to `digits`.
    public static func text(_ number: some BinaryInteger, digits: Int) -> String {
        let digitsOnly = String(number.magnitude)
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, digits - digitsOnly.utf8.count)) + digitsOnly
    }

    /// `1234.50` for two places, halves away from zero.
    public static func text(_ number: Double, places: Int) -> String {
        guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity" }
        var scale = 1.0
        for _ in 0 ..< places { scale *= 10 }
        let scaled = (number.magnitude * scale).rounded(.toNearestOrAwayFromZero)
        guard scaled < 9e18 else { return "\(number)" }
        let digits = text(UInt64(scaled), digits: places + 1).utf8
        let sign = number < 0 && scaled > 0 ? "-" : ""
        return places == 0 ? sign + String(digits) : "\(sign)\(Substring(digits.dropLast(places))).\(Substring(digits.suffix(places)))"
    }
}
