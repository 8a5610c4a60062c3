import RMQCommon

/// Moments as the tables print them and as people type them, in one time zone.
public struct LocalTime: Sendable {
    private let secondsEastOfGreenwich: Int?

    public static let utc = LocalTime(secondsEastOfGreenwich: 0)
    /// The zone of this machine (`TZ`, else the system's).
    public static let system = LocalTime(secondsEastOfGreenwich: nil)

    /// `2026-11-21 04:38:51`.
    func seconds(_ milliseconds: Int64) -> String { calendar(milliseconds).textToTheSecond }

    /// `2026-11-21 04:38:51,482`.
    func milliseconds(_ milliseconds: Int64) -> String { calendar(milliseconds).text }

    /// Milliseconds since 1970 of what people type: the number itself, or `yyyy-MM-dd#HH:mm:ss:SSS` in this zone.
    func parse(_ text: String) -> Int64? {
        if let number = Int64(text) { return number }
        let parts = text.utf8.split(omittingEmptySubsequences: false) { "-#:".utf8.contains($0) }.map { Int(Substring($0)) }
        guard parts.count == 7, let year = parts[0], let month = parts[1], let day = parts[2], let hour = parts[3],
            let minute = parts[4], let second = parts[5], let millisecond = parts[6],
            (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...59).contains(second), (0...999).contains(millisecond)
        else { return nil }
        var moment = CalendarTime(milliseconds: 0)
        (moment.year, moment.month, moment.day) = (year, month, day)
        (moment.hour, moment.minute, moment.second, moment.millisecond) = (hour, minute, second, millisecond)
        let here = moment.milliseconds
        guard let zone = secondsEastOfGreenwich else { return here }
        // The calendar counts in the process's zone; shift by what the fixed zone shows differently at that moment.
        let shown = CalendarTime(milliseconds: here, secondsEastOfGreenwich: zone)
        return here + (here - shown.milliseconds)
    }

    private func calendar(_ milliseconds: Int64) -> CalendarTime {
        CalendarTime(milliseconds: milliseconds, secondsEastOfGreenwich: secondsEastOfGreenwich)
    }
}
