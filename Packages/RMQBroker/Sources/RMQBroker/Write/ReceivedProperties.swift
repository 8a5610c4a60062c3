import Glibc

/// What the broker has to know of a message's properties, found in one walk over their bytes.
///
///     name 0x01 value 0x02 name 0x01 value …      the last 0x02 may be missing
///
/// A pair without a name or a value counts as absent; of several with one name the last one counts. The bytes are stored as
/// they came, but for `WAIT`, which means nothing once the message is stored.
struct ReceivedProperties {
    /// The delay level that is asked for; 0 or below for none.
    private(set) var delayLevel: Int32 = 0
    /// The value of `DELAY` if that is not a number.
    private(set) var malformedDelay: UnsafeRawBufferPointer?
    /// The message is half of a transaction.
    private(set) var isTransactional = false
    /// The last tags that are not empty.
    private(set) var tags: UnsafeRawBufferPointer?
    /// `WAIT`: whether the producer wants to know that its message is safe.
    private(set) var waitsForDurability = true
    /// The pairs named `WAIT`, with their closing 0x02.
    private var waitCount = 0
    private var lastWait = 0..<0

    init(_ bytes: UnsafeRawBufferPointer) {
        Self.forEachPair(bytes) { pair, name, value in
            switch name.count {
            case 4 where Self.equal(name, "WAIT"):
                waitCount += 1
                if !value.isEmpty { waitsForDurability = Self.equal(value, "true", ignoringCase: true) }
                lastWait = pair
            case 4 where Self.equal(name, "TAGS"): if !value.isEmpty { tags = value }
            case 5 where Self.equal(name, "DELAY"): if !value.isEmpty { setDelay(value) }
            case 8 where Self.equal(name, "TRAN_MSG"): if !value.isEmpty { isTransactional = Self.equal(value, "true", ignoringCase: true) }
            default: break
            }
        }
    }

    /// The properties to store: a part of `bytes`, or a copy in `scratch` without `WAIT`.
    func stored(_ bytes: UnsafeRawBufferPointer, scratch: PropertyScratch) -> UnsafeRawBufferPointer {
        if waitCount == 0 { return bytes }
        let before = UnsafeRawBufferPointer(rebasing: bytes[..<lastWait.lowerBound])
        let after = UnsafeRawBufferPointer(rebasing: bytes[lastWait.upperBound...])
        if waitCount == 1, after.isEmpty { return before }
        if waitCount == 1, before.isEmpty { return after }
        scratch.empty(reserving: bytes.count)
        if waitCount == 1 {
            scratch.append(before)
            scratch.append(after)
        } else {
            Self.forEachPair(bytes) { pair, name, _ in
                if !Self.equal(name, "WAIT") { scratch.append(UnsafeRawBufferPointer(rebasing: bytes[pair])) }
            }
        }
        return scratch.bytes
    }

    /// `pair` includes its closing 0x02; a segment without a 0x01 has an empty name.
    @inline(__always)
    private static func forEachPair(
        _ bytes: UnsafeRawBufferPointer,
        _ body: (_ pair: Range<Int>, _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) {
        guard let base = bytes.baseAddress else { return }
        var start = 0
        while start < bytes.count {
            let end = memchr(base + start, 2, bytes.count - start).map { UnsafeRawPointer($0) - base } ?? bytes.count
            var nameEnd = start
            while nameEnd < end && bytes[nameEnd] != 1 { nameEnd += 1 }
            let valueStart = nameEnd == end ? start : nameEnd + 1
            if nameEnd == end { nameEnd = start }
            body(
                start..<min(end + 1, bytes.count), UnsafeRawBufferPointer(rebasing: bytes[start..<nameEnd]),
                UnsafeRawBufferPointer(rebasing: bytes[valueStart..<end]))
            start = end + 1
        }
    }

    private mutating func setDelay(_ text: UnsafeRawBufferPointer) {
        let level = Self.integer(text)
        delayLevel = level ?? 0
        malformedDelay = level == nil ? text : nil
    }

    /// The 32-bit number that a text is, with or without a sign; nil for anything else, a number with a blank beside it included.
    private static func integer(_ text: UnsafeRawBufferPointer) -> Int32? {
        let isNegative = text.first == UInt8(ascii: "-")
        let digits = isNegative || text.first == UInt8(ascii: "+") ? text.dropFirst() : text[...]
        guard !digits.isEmpty else { return nil }
        var magnitude: Int64 = 0
        for byte in digits {
            guard (0x30...0x39).contains(byte), magnitude <= Int32.max else { return nil }
            magnitude = magnitude * 10 + Int64(byte - 0x30)
        }
        return Int32(exactly: isNegative ? -magnitude : magnitude)
    }

    private static func equal(_ bytes: UnsafeRawBufferPointer, _ name: StaticString, ignoringCase: Bool = false) -> Bool {
        guard bytes.count == name.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count where (ignoringCase ? bytes[index] | 0x20 : bytes[index]) != name.utf8Start[index] { return false }
        return true
    }
}

/// Space for rewritten properties, used again for each message. Loop-confined.
final class PropertyScratch {
    private var space = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_024, alignment: 8)
    private var count = 0

    deinit { space.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: space[..<count]) }

    func empty(reserving byteCount: Int) {
        count = 0
        guard byteCount > space.count else { return }
        space.deallocate()
        space = .allocate(byteCount: byteCount, alignment: 8)
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        (space.baseAddress! + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }
}
