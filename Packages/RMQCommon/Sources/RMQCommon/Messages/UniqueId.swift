internal import Glibc
internal import Synchronization

/// The id that a producer gives a message before sending it.
///
///     0      4 or 16  +2         +4                +4
///     +------+--------+----------+-----------------+---------+
///     | ip   | pid    | process  | ms since the    | counter |    written as 32 or 56 upper-case hexadecimal digits
///     |      | i16    | word i32 | month began i32 | i16     |
///     +------+--------+----------+-----------------+---------+
public struct UniqueId: Equatable, Sendable {
    /// 4 or 16 bytes.
    public var ip: [UInt8]
    /// The low 16 bits of the process id.
    public var processId: UInt16
    /// Any number that stays the same for the life of a process.
    public var processWord: UInt32
    /// Milliseconds since the current month began, in the maker's time zone.
    public var timeOffset: Int32
    public var counter: UInt16

    public init(ip: [UInt8], processId: UInt16, processWord: UInt32, timeOffset: Int32, counter: UInt16) {
        self.ip = ip
        self.processId = processId
        self.processWord = processWord
        self.timeOffset = timeOffset
        self.counter = counter
    }

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
                let time = reader.readInt32(), let counter = reader.read(as: UInt16.self)
            else { return nil }
            return UniqueId(ip: [UInt8](ip), processId: pid, processWord: word, timeOffset: time, counter: counter)
        }
        guard let fields else { return nil }
        self = fields
    }

    public static func parse(_ text: String) -> UniqueId? { UniqueId(text) }

    /// When the id was made, in milliseconds since 1970: in this month, or in the one before if that would lie ahead of `now`.
    public func time(now: Int64 = WallClock.nowMilliseconds()) -> Int64 {
        let thisMonth = CalendarTime.monthStart(of: now)
        let time = thisMonth + Int64(timeOffset)
        return time < now ? time : CalendarTime.monthStart(of: thisMonth - 1) + Int64(timeOffset)
    }

    /// A new id, different from every other of this process within the same millisecond and 65,536 calls.
    public static func make() -> String { Maker.shared.make(now: WallClock.nowMilliseconds()) }
}

/// What is the same for all ids of a process.
private final class Maker: Sendable {
    static let shared = Maker()

    private let prefix: [UInt8]
    private let counter = Atomic<UInt16>(0)
    /// The month that offsets count from; only crossing into the next changes it.
    private let month: Mutex<(start: Int64, next: Int64)>

    private init() {
        var writer = ByteWriter(capacity: 22)
        let now = WallClock.nowMilliseconds()
        writer.write(bytes: NetworkInterfaces.preferredAddress() ?? withUnsafeBytes(of: UInt32(truncatingIfNeeded: now).bigEndian) { [UInt8]($0) })
        writer.write(UInt16(truncatingIfNeeded: getpid()))
        writer.write(UInt32.random(in: .min ... .max))
        prefix = writer.bytes
        month = Mutex((CalendarTime.monthStart(of: now), CalendarTime.nextMonthStart(after: now)))
    }

    func make(now: Int64) -> String {
        let start = month.withLock { month in
            if now >= month.next { month = (CalendarTime.monthStart(of: now), CalendarTime.nextMonthStart(after: now)) }
            return month.start
        }
        let offset = now - start
        var writer = ByteWriter(capacity: prefix.count + 6)
        writer.write(bytes: prefix)
        writer.write(Int32(truncatingIfNeeded: -1_000_000 < offset && offset < 0 ? 0 : offset))
        writer.write(counter.wrappingAdd(1, ordering: .relaxed).oldValue)
        return Hex.text(writer.bytes)
    }
}
