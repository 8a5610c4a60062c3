internal import Glibc
internal import Synchronization

/// The id that a producer gives a message before sending it.
///
///     0      4 or 16  +2         +4                +4
///     +------+--------+----------+-----------------+---------+
///     | ip   | pid    | process  | ms since the    | counter |    written as 32 or 56 upper-case hexadecimal digits
///     |      | u16    | word u32 | month began u32 | u16     |
///     +------+--------+----------+-----------------+---------+
public struct UniqueId: Equatable, Sendable {
    /// 4 or 16 bytes.
    public var ip: [UInt8]
    /// The low 16 bits of the process id.
    public var processId: UInt16
    /// Any number that stays the same for the life of a process.
    public var processWord: UInt32
    /// Milliseconds since the current month began, in the maker's time zone. From the 25th of a month on more than 31 bits.
    public var timeOffset: UInt32
    /// Counts the ids of one process; begins again at 0 after 65,535.
    public var counter: UInt16

    public init(ip: [UInt8], processId: UInt16, processWord: UInt32, timeOffset: UInt32, counter: UInt16) {
        self.ip = ip
        self.processId = processId
        self.processWord = processWord
        self.timeOffset = timeOffset
        self.counter = counter
    }

    /// 32 hexadecimal digits in upper case.
    public var text: String {
        var writer = ByteWriter(capacity: 28)
        writer.write(bytes: ip)
        writer.write(processId)
        writer.write(processWord)
        writer.write(timeOffset)
        writer.write(counter)
        return Hex.text(writer.bytes)
    }

    /// Nil unless `text` is 32 or 56 hexadecimal digits.
    public init?(_ text: String) {
        guard let bytes = Hex.bytes(text), bytes.count == 16 || bytes.count == 28 else { return nil }
        let ipCount = bytes.count - 12
        let fields = bytes.withUnsafeBytes { bytes -> UniqueId? in
            var reader = ByteReader(bytes)
            guard let ip = reader.readBytes(ipCount), let pid = reader.read(as: UInt16.self), let word = reader.read(as: UInt32.self),
                let time = reader.read(as: UInt32.self), let counter = reader.read(as: UInt16.self)
            else { return nil }
            return UniqueId(ip: [UInt8](ip), processId: pid, processWord: word, timeOffset: time, counter: counter)
        }
        guard let fields else { return nil }
        self = fields
    }

    /// As the initialiser; nil for what is no such id.
    public static func parse(_ text: String) -> UniqueId? { UniqueId(text) }

    /// When the id was made, in milliseconds since 1970: in the month of `now`, or in the one before if that would lie ahead.
    ///
    /// The id counts from a midnight of its maker's zone, which it does not name. Where that is not `zone`, the result is off by the
    /// difference of the two, 26 hours at most.
    public func time(now: Int64 = WallClock.nowMilliseconds(), zone: Zone = .system) -> Int64 {
        let thisMonth = CalendarTime.month(of: now, in: zone).lowerBound
        let time = thisMonth + Int64(timeOffset)
        return time < now ? time : CalendarTime.month(of: thisMonth - 1, in: zone).lowerBound + Int64(timeOffset)
    }

    /// A new id, different from every other of this process within the same millisecond and 65,536 calls.
    public static func make() -> String { UniqueIdMaker.shared.make(now: WallClock.nowMilliseconds()) }

    /// Adds the digits of a new id to `bytes`.
    /// - Parameter now: milliseconds since 1970.
    public static func append(to bytes: inout [UInt8], now: Int64) { UniqueIdMaker.shared.append(to: &bytes, now: now) }
}

/// What is the same for all ids of a process.
final class UniqueIdMaker: Sendable {
    static let shared = UniqueIdMaker()

    /// Address, process id and process word, as digits.
    private let prefix: [UInt8]
    private let counter = Atomic<UInt16>(0)
    private let zone: Zone
    /// When the month began that offsets count from; at first in the distant future.
    private let monthStart = Atomic<Int64>(.max)
    /// For so long from its beginning no month is over, whatever the zone does to its clocks, in milliseconds.
    private static let shortestMonth: Int64 = 27 * 86_400_000
    /// The month that offsets count from. The clock leaves it at the month's end, or when it is set.
    private let month = Mutex<Range<Int64>>(0..<0)

    init(zone: Zone = .system) {
        self.zone = zone
        var writer = ByteWriter(capacity: 22)
        writer.write(bytes: NetworkInterfaces.preferredAddress() ?? Self.replacementAddress())
        writer.write(UInt16(truncatingIfNeeded: getpid()))
        writer.write(UInt32.random(in: .min ... .max))
        prefix = Array(Hex.text(writer.bytes).utf8)
    }

    /// Four bytes that differ from machine to machine, as far as their clocks do.
    private static func replacementAddress() -> [UInt8] {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: WallClock.nowMilliseconds()).bigEndian) { [UInt8]($0) }
    }

    func make(now: Int64) -> String {
        var digits: [UInt8] = []
        append(to: &digits, now: now)
        return String(decoding: digits, as: UTF8.self)
    }

    func append(to bytes: inout [UInt8], now: Int64) {
        let offset = UInt32(truncatingIfNeeded: now - start(ofMonth: now))
        let number = counter.wrappingAdd(1, ordering: .relaxed).oldValue
        bytes += prefix
        withUnsafeBytes(of: Hex.digits(offset).bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: Hex.digits(UInt32(number))).bigEndian) { bytes.append(contentsOf: $0) }
    }

    private func start(ofMonth now: Int64) -> Int64 {
        let known = monthStart.load(ordering: .relaxed)
        if now >= known, now - known < Self.shortestMonth { return known }
        return month.withLock { month in
            if !month.contains(now) { month = CalendarTime.month(of: now, in: zone) }
            monthStart.store(month.lowerBound, ordering: .relaxed)
            return month.lowerBound
        }
    }
}
