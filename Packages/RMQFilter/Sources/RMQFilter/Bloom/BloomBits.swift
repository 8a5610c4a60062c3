/// A bit map as the extension unit of a queue entry holds it.
///
///     bit    7 6 5 4 3 2 1 0   15 14 13 12 11 10 9 8   …
///     byte   0                 1
///
/// A bit that is not set is certain knowledge: the message is unwanted. All else is not, so whatever is doubtful counts as set.
public struct BloomBits: Sendable, Equatable {
    /// The map, eight bits a byte.
    public private(set) var bytes: [UInt8]

    /// No bit is set.
    /// - Parameter bitCount: as a ``BloomFilter`` says; rounded up to whole bytes.
    public init(bitCount: Int) { bytes = [UInt8](repeating: 0, count: (max(bitCount, 0) + 7) / 8) }

    /// The bits of a map that was stored.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// How many bits there are.
    public var bitCount: Int { bytes.count * 8 }

    /// Whether no bit is set.
    public var isEmpty: Bool { bytes.allSatisfy { $0 == 0 } }

    /// Sets the bits of one name. A position outside of the map is passed over: it may come from a file.
    public mutating func set(_ positions: [Int32]) {
        for position in positions where position >= 0 && Int(position) < bitCount { bytes[Int(position) >> 3] |= 1 << UInt8(position & 7) }
    }

    /// Whether all bits of one name are set. A position outside of the map says nothing, and counts as set.
    public func contains(_ positions: [Int32]) -> Bool { bytes.withUnsafeBytes { Self.contains(positions, in: $0) } }

    /// The same for a map that lies somewhere else, as in a mapped file.
    public static func contains(_ positions: [Int32], in bytes: UnsafeRawBufferPointer) -> Bool {
        positions.allSatisfy { position in
            let index = Int(position) >> 3
            return position < 0 || index >= bytes.count || bytes[index] & 1 << UInt8(position & 7) != 0
        }
    }
}
