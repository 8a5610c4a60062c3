import Glibc
import RMQCommon
import RMQStore

/// Writes all of a text to a descriptor.
func say(_ text: String, to descriptor: Int32 = 1) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { exit(4) }
        bytes = bytes.dropFirst(count)
    }
}

/// What the workload tells the harness: 40 bytes an event on standard output, written at once, so that they survive a kill.
///
///     0      1       2        4      8              16               24      28     32 - 40
///     +------+-------+--------+------+--------------+----------------+-------+------+-------+
///     | kind | topic | queue  | crc  | queue offset | physical offset| size  | zero | zero  |   big endian
///     +------+-------+--------+------+--------------+----------------+-------+------+-------+
///
/// `crc` covers the whole record as it is in the log.
enum Journal {
    enum Kind: UInt8 {
        /// The message is acknowledged: under synchronous flush it may never be lost any more.
        case acknowledged = 0x41   // A
        /// A half message, which has no place in a queue.
        case acknowledgedHalf = 0x50   // P
        /// Everything acknowledged before is on the disk: the store was closed.
        case closed = 0x43   // C
        /// From now on full segments are deleted as soon as retention looks at them, and their messages with them.
        case retaining = 0x52   // R
        /// The topic `Gone` is being deleted, and has been.
        case deleting = 0x44   // D
        case deleted = 0x64   // d
    }

    static func write(_ kind: Kind, topic: UInt8 = 0, queueId: Int32 = 0, crc: UInt32 = 0, queueOffset: Int64 = 0, physicalOffset: Int64 = 0, size: Int = 0) {
        var writer = ByteWriter(capacity: 40)
        writer.write(kind.rawValue)
        writer.write(topic)
        writer.write(Int16(truncatingIfNeeded: queueId))
        writer.write(crc)
        writer.write(queueOffset)
        writer.write(physicalOffset)
        writer.write(Int32(truncatingIfNeeded: size))
        writer.write(bytes: [UInt8](repeating: 0, count: 12))
        let count = writer.bytes.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
        if count != 40 { exit(4) }
    }
}
