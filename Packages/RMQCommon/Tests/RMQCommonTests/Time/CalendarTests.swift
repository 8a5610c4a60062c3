import Foundation
import RMQCommon
import RMQTestSupport
import Testing

/// The calendar: month ends, leap days, the year's turn, summer time, and times far away.
@Suite(.takesTurns) struct CalendarTests {
    @Test func everyDayOfSixCenturiesFollowsTheOneBefore() {
        var before = CalendarTime(milliseconds: Zones.moment("1600-01-01"), zone: .utc)
        #expect(before == CalendarTime(year: 1600, month: 1, day: 1))
        var wrong = 0
        for number in 1...(6 * 36_525) {
            let milliseconds = Zones.moment("1600-01-01") + Int64(number) * 86_400_000
            let day = CalendarTime(milliseconds: milliseconds, zone: .utc)
            let isLeapYear = before.year % 4 == 0 && (before.year % 100 != 0 || before.year % 400 == 0)
            let length = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][before.month - 1]
            let next =
                if before.day < length { CalendarTime(year: before.year, month: before.month, day: before.day + 1) }
                else if before.month < 12 { CalendarTime(year: before.year, month: before.month + 1, day: 1) }
                else { CalendarTime(year: before.year + 1, month: 1, day: 1) }
            if day != next || day.milliseconds(in: .utc) != milliseconds { wrong += 1 }
            before = day
        }
        #expect(wrong == 0)
    }

    @Test(arguments: [
        ("2028-02-29 23:59:59", 1_835_481_599_000), ("2027-12-31 23:59:59", 1_830_297_599_000), ("2038-01-19 03:14:08", 2_147_483_648_000),
        ("2099-12-31 23:59:59", 4_102_444_799_000), ("2100-03-01 00:00:00", 4_107_542_400_000), ("1970-01-01 00:00:00", 0),
        ("1969-12-31 23:59:59", -1_000), ("1900-02-28 00:00:00", -2_203_977_600_000),
    ] as [(String, Int64)])
    func momentsAreKnownNumbers(text: String, milliseconds: Int64) {
        #expect(CalendarTime(milliseconds: milliseconds, zone: .utc).textToTheSecond == text)
        #expect(Zones.moment(text) == milliseconds)
    }

    /// Against the C library and the zone of this machine, whatever that is.
    @Test func theSystemsZoneIsTheCLibrarys() throws {
        for number in 0..<5_000 as Range<Int64> {
            let milliseconds = number * 86_400_000 * 13 + number * 3_600_000 + 123
            var seconds = time_t(milliseconds / 1000), fields = tm()
            try #require(localtime_r(&seconds, &fields) != nil)
            let time = CalendarTime(milliseconds: milliseconds)
            let expected = CalendarTime(
                year: Int(fields.tm_year) + 1900, month: Int(fields.tm_mon) + 1, day: Int(fields.tm_mday), hour: Int(fields.tm_hour),
                minute: Int(fields.tm_min), second: Int(fields.tm_sec), millisecond: 123)
            #expect(time == expected)
        }
    }

    @Test func anHourThatDoesNotExistIsThePlaceBehindIt() {
        // 02:00 to 03:00 on 28 March 2027.
        let before = Zones.moment("2027-03-28 01:59:59", in: Zones.berlin)
        #expect(Zones.moment("2027-03-28 02:30:00", in: Zones.berlin) == before + 1_801_000)
        #expect(CalendarTime(milliseconds: before + 1_000, zone: Zones.berlin).textToTheSecond == "2027-03-28 03:00:00")
        #expect(CalendarTime(milliseconds: before + 1_801_000, zone: Zones.berlin).textToTheSecond == "2027-03-28 03:30:00")
    }

    @Test func ofAnHourThatExistsTwiceTheSecondIsMeant() {
        // 02:00 to 03:00 on 31 October 2027, first as 00:00 UTC, then as 01:00 UTC.
        #expect(Zones.moment("2027-10-31 02:30:00", in: Zones.berlin) == Zones.moment("2027-10-31 01:30:00"))
        for utc in ["2027-10-31 00:30:00", "2027-10-31 01:30:00"] {
            #expect(CalendarTime(milliseconds: Zones.moment(utc), zone: Zones.berlin).textToTheSecond == "2027-10-31 02:30:00")
        }
        #expect(Zones.moment("2027-10-31 03:00:00", in: Zones.berlin) == Zones.moment("2027-10-31 02:00:00"))
    }

    @Test func everyMomentIsInItsMonth() throws {
        for (name, zone) in Zones.all {
            var now = Zones.moment("2026-12-30")
            var lastMonth: Range<Int64>?
            while now < Zones.moment("2029-01-03") {
                let month = CalendarTime.month(of: now, in: zone)
                if !month.contains(now) { Issue.record("\(now) in \(name) is in \(month)") }
                if let lastMonth, lastMonth != month {
                    let begin = CalendarTime(milliseconds: month.lowerBound, zone: zone)
                    #expect(begin.day == 1, "\(begin.text) in \(name)")
                    #expect(begin.hour <= 1, "\(begin.text) in \(name)")
                    #expect(begin.minute == 0, "\(begin.text) in \(name)")
                    #expect(lastMonth.upperBound == month.lowerBound, "\(begin.text) in \(name)")
                }
                lastMonth = month
                now += 3_600_000
            }
        }
    }

    @Test func daysAreNumberedOverTheYearsTurn() {
        let zone = Zones.berlin
        let last = CalendarTime.dayNumber(of: Zones.moment("2027-12-31 23:59:59", in: zone), in: zone)
        #expect(CalendarTime.dayNumber(of: Zones.moment("2028-01-01 00:00:00", in: zone), in: zone) == last + 1)
        #expect(CalendarTime.dayNumber(of: Zones.moment("2028-02-29 12:00:00", in: zone), in: zone) == last + 60)
        #expect(CalendarTime.dayNumber(of: Zones.moment("2027-12-31 00:00:00", in: zone), in: zone) == last)
    }

    /// What a damaged file or a peer may say.
    @Test(arguments: [Int64.min, .min + 1, -1, 0, .max - 1, .max])
    func noNumberIsTooLarge(milliseconds: Int64) {
        for (name, zone) in Zones.all + [("system", .system)] {
            let time = CalendarTime(milliseconds: milliseconds, zone: zone)
            #expect((1...12).contains(time.month), "\(name)")
            #expect((1...31).contains(time.day), "\(name)")
            #expect(!time.text.isEmpty, "\(name)")
            #expect(abs(time.milliseconds(in: zone).distance(to: milliseconds)) <= 172_800_000, "\(name)")
        }
    }

    @Test func aLineOfALogTellsTheHourOfItsZone() {
        let record = LogRecord(time: Zones.moment("2027-10-31 01:30:00"), level: .info, category: "store", message: "m")
        #expect(record.line(in: Zones.berlin) == "2027-10-31 02:30:00 INFO store - m")
        #expect(record.line(in: RollingFileSink.chinaStandardTime) == "2027-10-31 09:30:00 INFO store - m")
    }
}

/// The clocks that the rest of the workspace goes by.
@Suite(.takesTurns) struct ClockTests {
    @Test func aDeadlineIsHeldWithinItsBounds() {
        let now = MonotonicInstant(nanoseconds: 1_000)
        #expect(now + .seconds(1) == MonotonicInstant(nanoseconds: 1_000_001_000))
        #expect(now + Duration.seconds(Int64.max) == .distantFuture)
        #expect(MonotonicInstant.distantFuture + .seconds(1) == .distantFuture)
        #expect(now.advanced(nanoseconds: .max) == .distantFuture)
        #expect(now + .seconds(-1) < now)
        #expect(now + .milliseconds(5) - now == .milliseconds(5))
        #expect(now - (now + .milliseconds(5)) == .milliseconds(-5))
    }

    @Test func theMonotonicClocksGoOn() {
        let first = MonotonicInstant.now, coarse = CoarseClock.milliseconds()
        #expect(MonotonicInstant.now >= first)
        #expect(CoarseClock.milliseconds() >= coarse)
        #expect(abs(first.nanoseconds / 1_000_000 - coarse) < 60_000, "both count from the same moment")
    }

    @Test func aSteadyClockDoesNotStep() {
        let clock = HandClock()
        let steady = SteadyClock(clock.clocks)
        let start = clock.wallMilliseconds
        #expect(steady.now() == start)
        #expect(steady.drift() == 0)
        clock.advance(.seconds(10))
        clock.step(.seconds(3600))
        #expect(steady.now() == start + 10_000)
        #expect(steady.drift() == 3_600_000)
        clock.step(.seconds(-7200))
        clock.advance(.seconds(1))
        #expect(steady.now() == start + 11_000)
        #expect(steady.drift() == -3_600_000)
    }
}
