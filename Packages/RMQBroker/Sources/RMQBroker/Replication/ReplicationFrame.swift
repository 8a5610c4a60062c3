import RMQCommon
import RMQRemoting

/// What is spoken on the replication port, without a handshake and without a checksum: records carry their own. As RocketMQ 4.x has it
/// (`DefaultHAConnection`), and 5.x in its default mode.
///
///     0          8   big endian
///     +----------+   slave to master, as often as it likes: the first says from where to send, each says what it has
///     | log end  |
///     +----------+
///     0          8        12         12 + size
///     +----------+--------+----------+   master to slave: bytes of one segment of the log, cut anywhere; size 0 is a heartbeat
///     | offset   | size   | bytes    |
///     +----------+--------+----------+
enum ReplicationStream {
    /// The longest piece of the log that a slave takes. Masters send 32 KiB if not told otherwise; what claims to be longer is garbage.
    static let pieceLimit: Int32 = 4 << 20
}

/// Where a slave's log ends.
struct ReplicaReport: Equatable {
    static let byteCount = 8

    var end: Int64

    init(end: Int64) { self.end = end }

    /// The last report of `bytes`, which begins with a whole one; nil when none is whole.
    init?(lastOf bytes: UnsafeRawBufferPointer) {
        let whole = bytes.count / Self.byteCount
        guard whole > 0 else { return nil }
        end = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: (whole - 1) * Self.byteCount, as: Int64.self))
    }

    func write(to channel: Channel) { withUnsafeBytes(of: end.bigEndian) { channel.write($0) } }
}

/// What stands before each piece of the log.
struct ReplicationHeader: Equatable {
    static let byteCount = 12

    var offset: Int64
    var bodyByteCount: Int32

    init(offset: Int64, bodyByteCount: Int32) {
        self.offset = offset
        self.bodyByteCount = bodyByteCount
    }

    /// Nil when `bytes` ends before the header does.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount else { return nil }
        offset = Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        bodyByteCount = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int32.self))
    }

    func write(to channel: Channel) {
        withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { bytes in
            bytes.storeBytes(of: offset.bigEndian, as: Int64.self)
            bytes.storeBytes(of: bodyByteCount.bigEndian, toByteOffset: 8, as: Int32.self)
            channel.write(UnsafeRawBufferPointer(bytes))
        }
    }
}
