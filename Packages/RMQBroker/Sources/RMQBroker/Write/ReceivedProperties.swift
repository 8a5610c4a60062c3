import RMQCommon

/// What the broker has to know of a message's properties, found in one walk over their bytes.
///
/// The bytes, a ``PropertyText``, are stored as they came, but for `WAIT`, which means nothing once the message is stored.
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
        for pair in PropertyText.pairs(in: bytes) {
            if pair.isNamed("WAIT") {
                waitCount += 1
                lastWait = Self.place(of: pair, in: bytes)
                if let value = pair.value(of: "WAIT") { waitsForDurability = Self.isTrue(value) }
            } else if let value = pair.value(of: "TAGS") {
                tags = value
            } else if let value = pair.value(of: "DELAY") {
                setDelay(value)
            } else if let value = pair.value(of: "TRAN_MSG") {
                isTransactional = Self.isTrue(value)
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
            for pair in PropertyText.pairs(in: bytes) where !pair.isNamed("WAIT") {
                scratch.append(UnsafeRawBufferPointer(rebasing: bytes[Self.place(of: pair, in: bytes)]))
            }
        }
        return scratch.bytes
    }

    /// With the closing 0x02.
    private static func place(of pair: PropertyText.Pair, in bytes: UnsafeRawBufferPointer) -> Range<Int> {
        pair.start..<min(pair.start + pair.bytes.count + 1, bytes.count)
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

    /// In upper or lower case.
    private static func isTrue(_ text: UnsafeRawBufferPointer) -> Bool {
        text.count == 4 && text[0] | 0x20 == UInt8(ascii: "t") && text[1] | 0x20 == UInt8(ascii: "r") && text[2] | 0x20 == UInt8(ascii: "u")
            && text[3] | 0x20 == UInt8(ascii: "e")
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
