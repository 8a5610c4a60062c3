/// The flag word of a stored message.
///
///     bit 10..8              7..6       5            4           3..2                 1           0
///     compression type       reserved   store host   born host   transaction kind     multi-tag   body is
///     0, 3 zlib 1 lz4 2 zstd            is IPv6      is IPv6     0 none 1 prepared    topic       compressed
///                                                                2 commit 3 rollback
public struct SystemFlag: OptionSet, Hashable, Sendable {
    public var rawValue: Int32
    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The body is compressed, by the kind that ``compression`` says.
    public static let compressed = SystemFlag(rawValue: 0x1)
    /// The topic's messages carry several tags.
    public static let multiTags = SystemFlag(rawValue: 0x2)
    /// The producer's address takes 20 bytes instead of 8.
    public static let bornHostIPv6 = SystemFlag(rawValue: 0x10)
    /// The broker's address takes 20 bytes instead of 8.
    public static let storeHostIPv6 = SystemFlag(rawValue: 0x20)

    /// The part of a message in a transaction.
    public enum TransactionKind: Int32, Sendable {
        case none = 0x0
        case prepared = 0x4
        case commit = 0x8
        case rollback = 0xC
    }

    /// How a body is compressed. Of no meaning without ``compressed``.
    public enum Compression: Int32, Sendable {
        /// What clients wrote that knew no other type.
        case zlibUntyped = 0x000
        case lz4 = 0x100
        case zstd = 0x200
        case zlib = 0x300
    }

    /// The part of the message in a transaction; setting it leaves all other bits as they are.
    public var transactionKind: TransactionKind {
        get { TransactionKind(rawValue: rawValue & 0xC) ?? .none }
        set { rawValue = rawValue & ~0xC | newValue.rawValue }
    }

    /// Nil for a type that is not defined.
    public var compression: Compression? {
        get { Compression(rawValue: rawValue & 0x700) }
        set { rawValue = rawValue & ~0x700 | (newValue?.rawValue ?? 0) }
    }

    /// What a producer sets on a body that it compressed with zlib.
    public static let zlibBody = SystemFlag(rawValue: 0x301)
}
