import Glibc
import RMQCommon

/// What is known to be on the disk: the file `checkpoint`, 4096 bytes.
///
///     0        8        16       24     64     68       72      80      88       96         104      112      120
///     +--------+--------+--------+- - - +------+--------+-------+-------+--------+----------+--------+--------+-----+- -
///     |physic  |logics  |index   |      |magic |version |safe   |queue  |names   |ends      |clean   |starts  |crc  |
///     |time    |time    |time    |      |      |        |offset |count  |print   |print     |end     |print   |     |
///     +--------+--------+--------+- - - +------+--------+-------+-------+--------+----------+--------+--------+-----+- -
///
///     128    132      136     144     152    160     168       176
///     +------+--------+-------+-------+------+-------+---------+-----+- - -
///     |magic |version |index  |names  |last  |last   |indexed  |crc  | zeros
///     |      |        |files  |print  |name  |count  |offset   |     |
///     +------+--------+-------+-------+------+-------+---------+-----+- - -
///
/// The first three are the reference's: store times (ms) up to which the commit log, the consume queues and the full
/// index files are flushed. From 64 on it is ours, which the reference leaves alone: everything below `safe offset` is
/// flushed in log and queues; the queues with records there are known by number and fingerprint, `ends print` covers how many
/// entries each has for them, `starts print` where its first file begins (retention moves that on); after a clean stop
/// `clean end` is the log's end, else -1. From 128 on is what of the index files is flushed, see ``IndexMark``. Everything here can be lost: recovery then
/// looks at more of the log. All of it lies in the first sector, so it is written whole or not at all.
package struct Checkpoint: Equatable, Sendable {
    package var physicalTimestamp: Int64 = 0
    package var queueTimestamp: Int64 = 0
    package var indexTimestamp: Int64 = 0
    package var own: Own?
    package var index: IndexMark?

    package struct Own: Equatable, Sendable {
        package var safeOffset: Int64
        package var queues: QueuePrint
        package var cleanEnd: Int64
        /// See ``Checkpoint/disownQueues()``.
        var isDisowned: Bool { queues.count < 0 }
    }

    /// Has the next opening ask the log about all queues, whatever it finds of them. For as long as they are being mended:
    /// a crash meanwhile leaves files that look whole.
    mutating func disownQueues() {
        own?.queues.count = -1
    }

    /// The log ends at `end`, and other messages may follow there: index entries from there on count for nothing, also
    /// when a crash comes before they are gone from the disk.
    mutating func cutIndex(to end: Int64) {
        if let mark = index { index?.indexedOffset = min(mark.indexedOffset, end) }
        indexTimestamp = 0
    }

    static let byteCount = 4096
    private static let ownPosition = 64
    private static let ownByteCount = 56
    private static let version: Int32 = 2
    private static let magic: Int32 = 0x524D_5153  // "RMQS"
    private static let indexPosition = 128
    private static let indexByteCount = 48
    private static let indexMagic: Int32 = 0x524D_5149  // "RMQI"

    /// The store time (ms) up to which log and queues are certainly on the disk.
    var safeTimestamp: Int64 { max(0, min(physicalTimestamp, queueTimestamp) - 3000) }

    package init() {}

    init(bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            physicalTimestamp = reader.readInt64() ?? 0
            queueTimestamp = reader.readInt64() ?? 0
            indexTimestamp = reader.readInt64() ?? 0
            index = Self.readIndexMark(bytes)
            guard reader.skip(Self.ownPosition - 24), bytes.count >= Self.ownPosition + Self.ownByteCount + 4,
                reader.readInt32() == Self.magic,
                let version = reader.readInt32(), version == 1 || version == Self.version,
                let safeOffset = reader.readInt64(), let count = reader.readInt64(), let names = reader.readInt64(),
                let ends = reader.readInt64(), let cleanEnd = reader.readInt64(), let starts = version == 1 ? 0 : reader.readInt64(),
                let checksum = reader.readInt32(),
                checksum == Self.checksum(bytes, from: Self.ownPosition, count: Self.ownByteCount - (version == 1 ? 8 : 0))
            else { return }
            // The first version had no starts, and its ends were only those of a clean stop.
            let queues = QueuePrint(
                count: count, names: UInt64(bitPattern: names), ends: version == 1 ? nil : UInt64(bitPattern: ends),
                starts: version == 1 ? nil : UInt64(bitPattern: starts))
            own = Own(safeOffset: safeOffset, queues: queues, cleanEnd: cleanEnd)
        }
    }

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Self.byteCount)
        writer.write(physicalTimestamp)
        writer.write(queueTimestamp)
        writer.write(indexTimestamp)
        writer.write(bytes: [UInt8](repeating: 0, count: Self.ownPosition - 24))
        if let own {
            writer.write(Self.magic)
            writer.write(Self.version)
            writer.write(own.safeOffset)
            writer.write(own.queues.count)
            writer.write(Int64(bitPattern: own.queues.names))
            writer.write(Int64(bitPattern: own.queues.ends ?? 0))
            writer.write(own.cleanEnd)
            writer.write(Int64(bitPattern: own.queues.starts ?? 0))
            writer.write(writer.bytes.withUnsafeBytes { Self.checksum($0, from: Self.ownPosition, count: Self.ownByteCount) })
        }
        if let index { Self.write(index, to: &writer) }
        return writer.bytes + [UInt8](repeating: 0, count: Self.byteCount - writer.bytes.count)
    }

    private static func readIndexMark(_ bytes: UnsafeRawBufferPointer) -> IndexMark? {
        var reader = ByteReader(bytes)
        guard reader.skip(indexPosition), reader.readInt32() == indexMagic, reader.readInt32() == 1, let fileCount = reader.readInt64(),
            let names = reader.readInt64(), let lastName = reader.readInt64(), let lastCount = reader.readInt64(),
            let indexedOffset = reader.readInt64(), let stored = reader.readInt32(),
            stored == checksum(bytes, from: indexPosition, count: indexByteCount)
        else { return nil }
        var mark = IndexMark()
        mark.fileCount = fileCount
        mark.names = UInt64(bitPattern: names)
        mark.lastName = lastName
        mark.lastCount = lastCount
        mark.indexedOffset = indexedOffset
        return mark
    }

    private static func write(_ mark: IndexMark, to writer: inout ByteWriter) {
        writer.write(bytes: [UInt8](repeating: 0, count: indexPosition - writer.bytes.count))
        writer.write(indexMagic)
        writer.write(Int32(1))
        writer.write(mark.fileCount)
        writer.write(Int64(bitPattern: mark.names))
        writer.write(mark.lastName)
        writer.write(mark.lastCount)
        writer.write(mark.indexedOffset)
        writer.write(writer.bytes.withUnsafeBytes { checksum($0, from: indexPosition, count: indexByteCount) })
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer, from start: Int, count: Int) -> Int32 {
        CRC32.rocketMQ(UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
    }

    /// The file's content; an empty checkpoint when there is no file.
    package static func read(_ path: String) throws(StoreError) -> Checkpoint {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return Checkpoint() }
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw .system(call: "pread", path: path, code: errno) }
        return Checkpoint(bytes: Array(bytes.prefix(count)))
    }

    /// Writes the file in place and waits for the disk.
    func write(_ path: String, _ disk: DiskCalls) throws(StoreError) { try StoreFiles.overwrite(path, with: bytes, disk) }
}
