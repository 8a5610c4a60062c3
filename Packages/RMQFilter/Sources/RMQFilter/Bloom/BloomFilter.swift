internal import Glibc

/// Which bits of a bit map belong to a name.
///
/// A broker that keeps bit maps sets, for each message, the bits of the consumers whose expression wants it; a pull then leaves out a
/// message of which a bit of its own is missing. Bits may be shared, so that a message with all of them may still be unwanted.
/// Sizes and positions are those of the reference: bit maps lie in files that either may read.
public struct BloomFilter: Sendable, Equatable {
    /// How many of a hundred unwanted messages pass, as configured.
    public let errorPercent: Int
    /// For how many names that holds.
    public let expectedNames: Int
    /// The length of a bit map, a multiple of 8.
    public let bitCount: Int
    /// How many positions a name has.
    public let hashCount: Int

    /// The smallest filter that keeps to an error rate.
    ///
    /// - Parameters:
    ///   - errorPercent: 1 to 99.
    ///   - expectedNames: at least 1.
    /// - Returns: nil outside of these, and when the bits could not be counted in 31 bits.
    public init?(errorPercent: Int, expectedNames: Int) {
        guard (1...99).contains(errorPercent), expectedNames >= 1 else { return nil }
        let error = Double(errorPercent) / 100
        hashCount = Int((log(error) / log(0.5)).rounded(.up))
        // The quotients of natural logarithms, in this order: with another order some sizes would differ by a bit.
        let bits = (Double(expectedNames) * (log(1 / error) / log(2)) * (log(M_E) / log(2))).rounded(.up)
        guard bits <= Double(Int32.max - 7) else { return nil }
        bitCount = (Int(bits) + 7) / 8 * 8
        self.errorPercent = errorPercent
        self.expectedNames = expectedNames
    }

    /// The positions of a name, each below ``bitCount``; some may be equal.
    public func positions(of text: String) -> [Int32] {
        var text = text
        let hash = text.withUTF8 { Murmur3.hash(UnsafeRawBufferPointer($0)) }
        let low = Int32(truncatingIfNeeded: hash)
        let high = Int32(truncatingIfNeeded: hash >> 32)
        return (1...Int32(hashCount)).map { number in
            let mixed = low &+ number &* high
            return (mixed < 0 ? ~mixed : mixed) % Int32(bitCount)
        }
    }
}
