import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// `deleteWhen`: at which hours of the day expired files go, also on the days on which summer time begins and ends.
@Suite(.takesTurns) struct DeletionTimeTests {
    /// UTC+1; summer time on 28 March 2027 from 02:00 to 03:00, until 31 October 03:00, back to 02:00.
    private static let berlin = Zone { seconds in (1_806_195_600..<1_824_944_400).contains(seconds) ? 7200 : 3600 }

    /// Which minutes of local time, a day's, files are deleted in.
    private func deletions(_ hours: [Int], on day: CalendarTime) -> [String] {
        var policy = RetentionPolicy()
        policy.deletionHours = hours
        let start = day.milliseconds(in: Self.berlin)
        var next = day
        next.day += 1
        let end = next.milliseconds(in: Self.berlin)
        return stride(from: start, to: end, by: 60_000).filter { policy.isDeletionTime($0, in: Self.berlin) }
            .map { CalendarTime(milliseconds: $0, zone: Self.berlin) }.map { "\($0.hour):\($0.minute)" }
    }

    private func hour(_ hour: Int) -> [String] { (0..<60).map { "\(hour):\($0)" } }

    @Test func onAnOrdinaryDay() {
        let day = CalendarTime(year: 2027, month: 2, day: 28)
        #expect(deletions([4], on: day) == hour(4))
        #expect(deletions([0, 23], on: day) == hour(0) + hour(23))
        #expect(deletions([], on: day).isEmpty)
    }

    @Test func anHourThatIsSkippedIsMadeUpForInTheNext() {
        let day = CalendarTime(year: 2027, month: 3, day: 28)
        #expect(deletions([2], on: day) == hour(3))
        #expect(deletions([3], on: day) == hour(3))
        #expect(deletions([1], on: day) == hour(1))
        #expect(deletions([4], on: day) == hour(4))
    }

    @Test func anHourThatComesTwiceCountsTwice() {
        let day = CalendarTime(year: 2027, month: 10, day: 31)
        #expect(deletions([2], on: day) == hour(2) + hour(2))
        #expect(deletions([3], on: day) == hour(3))
        #expect(deletions([1], on: day) == hour(1))
    }

    @Test(arguments: [CalendarTime(year: 2028, month: 2, day: 29), CalendarTime(year: 2027, month: 12, day: 31), CalendarTime(year: 2099, month: 6, day: 30)])
    func onDaysThatSeldomCome(day: CalendarTime) {
        #expect(deletions([4, 23], on: day) == hour(4) + hour(23))
    }
}
