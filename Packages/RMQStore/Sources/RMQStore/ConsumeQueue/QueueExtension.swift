import Glibc
import Synchronization

/// Reads the extension files of one consume queue, which a store written with `enableConsumeQueueExt` has.
///
///     0      2          10           18            20
///     +------+----------+------------+-------------+--------+
///     | size | tag code | store time | bitmap size | bitmap |   one unit, big endian
///     +------+----------+------------+-------------+--------+
///
/// A queue entry then carries an address instead of a tag code: the unit's byte offset - 2^63, which is below every
/// sign-extended 32-bit hash. Files follow each other like those of a log; a unit never crosses files. This store reads
/// units and writes none: its own entries carry the tag code itself.
final class QueueExtension: Sendable {
    private static let unitBytes = 20
    private let directory: String
    /// Mapped at the first look, since most queues have none.
    private let files = Mutex<[MappedFile]?>(nil)

    init(directory: String) {
        self.directory = directory
    }

    static func isAddress(_ tagCode: Int64) -> Bool {
        tagCode <= Int64(Int32.min) - 1
    }

    /// The tag code in the unit at an address; nil when there is none.
    func tagCode(at address: Int64) -> Int64? {
        let offset = address &- Int64.min
        let file = files.withLock { files in
            if files == nil { files = load() }
            return files?.last { $0.baseOffset <= offset }
        }
        guard let file, offset - file.baseOffset <= Int64(file.byteCount - Self.unitBytes) else { return nil }
        let position = Int(offset - file.baseOffset)
        let size = Int16(bigEndian: file.base.loadUnaligned(fromByteOffset: position, as: Int16.self))
        guard size >= 1 else { return nil }
        return file.loadInt64(position + 2)
    }

    private func load() -> [MappedFile] {
        guard let names = try? StoreFiles.names(in: directory) else { return [] }
        return names.compactMap { name in
            let path = directory + "/" + name
            guard let offset = SegmentName.offset(name), let length = try? MappedFile.length(path), length >= Self.unitBytes else { return nil }
            return try? MappedFile(opening: path, baseOffset: offset, byteCount: Int(length))
        }
    }
}
