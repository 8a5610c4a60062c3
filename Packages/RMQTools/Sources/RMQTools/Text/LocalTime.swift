import RMQCommon

/// Moments as the tables print them and as people type them, in one time zone.
struct LocalTime: Sendable {
    let zone: Zone

    static let utc = LocalTime(zone: .utc)
    /// The zone of this machine (`TZ`, else the system's).
    static let system = LocalTime(zone: .system)

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
        return CalendarTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second, millisecond: millisecond)
            .milliseconds(in: zone)
    }

    private func calendar(_ milliseconds: Int64) -> CalendarTime {
        CalendarTime(milliseconds: milliseconds, zone: zone)
    }
}
