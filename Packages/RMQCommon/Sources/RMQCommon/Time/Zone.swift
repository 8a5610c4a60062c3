internal import Glibc

/// By how much local clocks are ahead of Greenwich, which may change from moment to moment.
///
/// A test hands in the zone it is about instead of changing that of the process.
public struct Zone: Sendable {
    private let offset: @Sendable (_ secondsSince1970: Int64) -> Int

    /// - Parameter secondsEastOfGreenwich: less than a day either way.
    public init(secondsEastOfGreenwich: @escaping @Sendable (_ secondsSince1970: Int64) -> Int) { offset = secondsEastOfGreenwich }

    /// The zone of this process: `TZ`, else the system's.
    public static let system = Zone { seconds in
        var time = time_t(seconds)
        var fields = tm()
        // Nil beyond the years that fit into 32 bits.
        return localtime_r(&time, &fields) == nil ? 0 : fields.tm_gmtoff
    }

    /// Greenwich, all the year.
    public static let utc = Zone.fixed(secondsEastOfGreenwich: 0)

    /// A zone that never changes its clocks.
    /// - Parameter secondsEastOfGreenwich: less than a day either way.
    public static func fixed(secondsEastOfGreenwich: Int) -> Zone { Zone { _ in secondsEastOfGreenwich } }

    /// By how many seconds local clocks were ahead at that moment; negative to the west.
    public func secondsEastOfGreenwich(atSecond secondsSince1970: Int64) -> Int { offset(secondsSince1970) }

    /// The moment at which local clocks show what a clock in Greenwich shows at `local`.
    ///
    /// Of an hour that exists twice, the second one; of one that does not exist, as much later as the clocks were set. So does
    /// the reference.
    func seconds(showing local: Int64) -> Int64 {
        let before = local - Int64(offset(local - 86_400))
        let after = local - Int64(offset(local + 86_400))
        return after + Int64(offset(after)) == local ? after : before
    }
}
