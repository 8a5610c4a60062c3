import Foundation
import RMQCommon

/// Zones by their rules, whatever the zone of the machine that runs the tests.
enum Zones {
    /// UTC+1, and UTC+2 from the last Sunday of March to the last Sunday of October, 01:00 UTC both: Europe since 1996.
    static let berlin = Zone { seconds in
        let date = CalendarTime(milliseconds: seconds &* 1000, zone: .utc)
        return seconds >= lastSunday(of: 3, date.year) && seconds < lastSunday(of: 10, date.year) ? 7200 : 3600
    }

    /// UTC-3, and summer time from midnight of 1 October to midnight of 1 April: months that begin with an hour that does not exist.
    static let midnight = Zone { seconds in
        let year = CalendarTime(milliseconds: seconds &* 1000, zone: .utc).year
        let end = CalendarTime(year: year, month: 4, day: 1).milliseconds(in: .utc) / 1000 + 2 * 3600
        let begin = CalendarTime(year: year, month: 10, day: 1).milliseconds(in: .utc) / 1000 + 3 * 3600
        return seconds < end || seconds >= begin ? -7200 : -10_800
    }

    static let kolkata = Zone.fixed(secondsEastOfGreenwich: 19_800)
    static let kiritimati = Zone.fixed(secondsEastOfGreenwich: 14 * 3600)
    static let baker = Zone.fixed(secondsEastOfGreenwich: -12 * 3600)

    static let all = [("UTC", Zone.utc), ("Berlin", berlin), ("midnight", midnight), ("Kolkata", kolkata), ("Kiritimati", kiritimati), ("Baker", baker)]

    private static func lastSunday(of month: Int, _ year: Int) -> Int64 {
        let last = CalendarTime(year: year, month: month + 1, day: 0, hour: 1).milliseconds(in: .utc) / 1000
        // 1970-01-01 was a Thursday.
        return last - (last / 86_400 + 4) % 7 * 86_400
    }

    static func moment(_ text: String, in zone: Zone = .utc) -> Int64 {
        let parts = text.split { !$0.isNumber }.map { Int($0)! }
        return CalendarTime(
            year: parts[0], month: parts[1], day: parts[2], hour: parts.count > 3 ? parts[3] : 0, minute: parts.count > 4 ? parts[4] : 0,
            second: parts.count > 5 ? parts[5] : 0
        ).milliseconds(in: zone)
    }
}
