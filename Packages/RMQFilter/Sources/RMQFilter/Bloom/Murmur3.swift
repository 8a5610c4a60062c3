/// The first half of the 128-bit MurmurHash3 for 64-bit processors, seed 0.
enum Murmur3 {
    private static let first: UInt64 = 0x87C3_7B91_1142_53D5
    private static let second: UInt64 = 0x4CF5_AD43_2745_937F

    /// The hash of `bytes`: eight bytes of it, little endian.
    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var low: UInt64 = 0
        var high: UInt64 = 0
        var position = 0
        while bytes.count - position >= 16 {
            low ^= scrambled(word(in: bytes, at: position, count: 8), first, 31, second)
            low = (rotated(low, 27) &+ high) &* 5 &+ 0x52DC_E729
            high ^= scrambled(word(in: bytes, at: position + 8, count: 8), second, 33, first)
            high = (rotated(high, 31) &+ low) &* 5 &+ 0x3849_5AB5
            position += 16
        }
        let rest = bytes.count - position
        high ^= scrambled(word(in: bytes, at: position + 8, count: rest - 8), second, 33, first)
        low ^= scrambled(word(in: bytes, at: position, count: min(rest, 8)), first, 31, second)

        low ^= UInt64(bytes.count)
        high ^= UInt64(bytes.count)
        low = low &+ high
        high = high &+ low
        return finished(low) &+ finished(high)
    }

    /// So many bytes as a little endian number; 0 when there are none.
    private static func word(in bytes: UnsafeRawBufferPointer, at position: Int, count: Int) -> UInt64 {
        if count == 8 { return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)) }
        var word: UInt64 = 0
        var index = count - 1
        while index >= 0 {
            word = word << 8 | UInt64(bytes[position + index])
            index -= 1
        }
        return word
    }

    private static func scrambled(_ word: UInt64, _ before: UInt64, _ bits: UInt64, _ after: UInt64) -> UInt64 {
        rotated(word &* before, bits) &* after
    }

    private static func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word << bits | word >> (64 - bits) }

    /// Spreads each bit over all others.
    private static func finished(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ word >> 33) &* 0xFF51_AFD7_ED55_8CCD
        word = (word ^ word >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return word ^ word >> 33
    }
}
