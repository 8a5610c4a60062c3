@testable import RMQCommon
import RMQTestSupport
import Testing

/// The time in unique ids, at fixed moments of the calendar.
@Suite(.takesTurns) struct UniqueIdTimeTests {
    /// What an id says right after it was made, and an hour later.
    private func expectToldRight(_ now: Int64, _ maker: UniqueIdMaker, _ zone: Zone, _ name: String) throws {
        let id = try #require(UniqueId(maker.make(now: now)))
        // Expectations cost more than what they check, and there are thousands.
        if id.time(now: now + 1, zone: zone) == now, id.time(now: now + 3_600_000, zone: zone) == now { return }
        Issue.record("\(CalendarTime(milliseconds: now, zone: zone).text) in \(name) is told as \(id.time(now: now + 1, zone: zone))")
    }

    @Test("Case 4.1: an id tells its time on every day of a month", arguments: Zones.all.map(\.0))
    func everyHourOfTwoYears(name: String) throws {
        let zone = try #require(Zones.all.first { $0.0 == name }).1
        let maker = UniqueIdMaker(zone: zone)
        // Over 29 February 2028, two year's turns and all summer-time changes, in steps that meet every hour of a day.
        var now = Zones.moment("2027-01-01 00:00:00", in: zone)
        let end = Zones.moment("2029-01-02 00:00:00", in: zone)
        while now < end {
            try expectToldRight(now, maker, zone, name)
            now += 5 * 3_600_000 + 1
        }
    }

    /// 2^31 milliseconds are 24.86 days.
    @Test("Case 4.1: around the 25th of a month, where 31 bits end", arguments: [-1, 0, 1] as [Int64])
    func where31BitsEnd(milliseconds: Int64) throws {
        let now = Zones.moment("2026-11-01") + (1 << 31) + milliseconds
        let id = try #require(UniqueId(UniqueIdMaker(zone: .utc).make(now: now)))
        #expect(id.timeOffset == UInt32(1 << 31) &+ UInt32(bitPattern: Int32(milliseconds)))
        #expect(id.time(now: now + 1, zone: .utc) == now)
    }

    @Test("Case 4.1: an id of the last month is told in the next one", arguments: [
        ("2026-11-30 23:59:59", "2026-12-01 00:00:05"), ("2026-12-31 23:59:59", "2027-01-01 00:00:00"), ("2028-02-29 23:00:00", "2028-03-01 01:00:00"),
        ("2027-02-28 23:00:00", "2027-03-01 01:00:00"), ("2027-03-28 01:59:59", "2027-04-01 00:00:00"), ("2027-10-31 02:30:00", "2027-11-02 00:00:00"),
        ("2026-10-25 00:00:00", "2026-11-24 20:00:00"), ("2037-12-31 23:59:59", "2038-01-19 03:14:08"), ("2099-12-31 23:59:59", "2100-01-01 00:00:00"),
    ])
    func madeInTheMonthBefore(made: String, read: String) throws {
        for (name, zone) in Zones.all {
            let time = Zones.moment(made, in: zone)
            let id = try #require(UniqueId(UniqueIdMaker(zone: zone).make(now: time)))
            #expect(id.time(now: Zones.moment(read, in: zone), zone: zone) == time, "\(name)")
        }
    }

    /// Made on the 14th by a client of the reference, in UTC.
    @Test("Case 4.1: ids of the reference read as before") func idsOfTheReference() throws {
        let id = try #require(UniqueId("C0A8000A303918B4AAC247B760000001"))
        #expect(id.timeOffset == 1_203_200_000)
        #expect(id.time(now: Zones.moment("2026-11-20"), zone: .utc) == Zones.moment("2026-11-01") + 1_203_200_000)
        let late = try #require(UniqueId("C0A8000A303918B4AAC2974CD8000001"))
        #expect(late.timeOffset == 2_538_395_648)
        #expect(late.time(now: Zones.moment("2026-11-30 12:00:00"), zone: .utc) == Zones.moment("2026-11-01") + 2_538_395_648)
        #expect(UniqueId(late.text) == late)
    }

    @Test func aClockThatIsSetBackOverTheMonthsTurnMakesRightIds() throws {
        let maker = UniqueIdMaker(zone: .utc)
        let times = ["2027-01-01 00:10:00", "2026-12-31 23:10:00", "2027-01-01 00:20:00", "2026-06-15 12:00:00", "1970-01-01 00:00:01"]
        for text in times {
            let now = Zones.moment(text)
            let id = try #require(UniqueId(maker.make(now: now)))
            #expect(id.time(now: now + 1, zone: .utc) == now, "\(text)")
        }
    }

    @Test func aReaderInAnotherZoneIsOffByNoMoreThanTheZones() throws {
        for now in [Zones.moment("2027-03-15 12:00:00"), Zones.moment("2027-03-31 22:00:00"), Zones.moment("2027-01-01 05:00:00")] {
            for (makers, zone) in Zones.all {
                let id = try #require(UniqueId(UniqueIdMaker(zone: zone).make(now: now)))
                for (readers, other) in Zones.all {
                    let told = id.time(now: now + 5 * 86_400_000, zone: other)
                    #expect(told <= now + 26 * 3_600_000, "made in \(makers), read in \(readers)")
                }
            }
        }
    }
}
