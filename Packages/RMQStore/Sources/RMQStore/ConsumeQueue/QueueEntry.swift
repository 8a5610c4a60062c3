/// Where one message of a queue lies in the commit log.
///
///     0          8      12         20   big endian
///     +----------+------+----------+
///     | position | size | tag code |
///     +----------+------+----------+
///
/// `position` and `size` are in bytes; `size` covers the whole record. The tag code is the Java hash of the tags,
/// the delivery time in milliseconds for delayed messages, or, below every hash, the address of a unit of the
/// consume queue extension. No checksum: after a crash the queue is rebuilt from the commit log.
package struct QueueEntry: Equatable, Sendable {
    package static let byteCount = 20
    /// The size in entries that stand for records no longer in the log.
    package static let fillerSize = Int32.max

    package var position: Int64
    package var size: Int32
    package var tagCode: Int64

    /// What an empty part of a file never is.
    package var isValid: Bool { position >= 0 && size > 0 }
    /// What stands where no entry was ever written.
    var isEmpty: Bool { position == 0 && size == 0 && tagCode == 0 }
    package var isFiller: Bool { position == 0 && size == Self.fillerSize }
    package var end: Int64 { position &+ Int64(size) }

    package static let filler = QueueEntry(position: 0, size: fillerSize, tagCode: 0)

    init(position: Int64, size: Int32, tagCode: Int64) {
        self.position = position
        self.size = size
        self.tagCode = tagCode
    }

    /// - Parameter bytes: 20 readable bytes.
    @inline(__always)
    package init(_ bytes: UnsafeRawPointer) {
        position = Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        size = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int32.self))
        tagCode = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 12, as: Int64.self))
    }

    /// - Parameter bytes: 20 writable bytes.
    @inline(__always)
    func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: position.bigEndian, as: Int64.self)
        bytes.storeBytes(of: size.bigEndian, toByteOffset: 8, as: Int32.self)
        bytes.storeBytes(of: tagCode.bigEndian, toByteOffset: 12, as: Int64.self)
    }
}
