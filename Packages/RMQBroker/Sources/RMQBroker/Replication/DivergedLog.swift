import Glibc
import RMQCommon
import RMQStore

/// Keeps what is taken off a slave's log: `<store>/diverged/<offset>-<time>.log`, the bytes as they were, in the format of the commit log.
struct DivergedLog: Sendable {
    private static let chunkBytes = 1 << 20

    let folder: String
    let clock: WallClock
    let logger: Logger

    /// Copies everything behind `offset` to a file of its own and ends the log there. Nothing is lost if this fails anywhere.
    func cut(_ store: MessageStore, at offset: Int64) throws {
        let end = store.maxPhysicalOffset
        let count = store.segmentOffsets.reduce(0) { count, base in
            count + (base + Int64(store.configuration.segmentBytes) > offset ? store.recordOffsets(from: base).count { $0 >= offset } : 0)
        }
        let path = try save(store, from: offset, to: end)
        try store.truncate(to: offset)
        logger.warning(
            "\(count) messages (\(end - offset) bytes from \(offset) on) were taken off this log: the master that they came from was over, and the "
                + "present one does not have them. They are kept in \(path)")
    }

    private func save(_ store: MessageStore, from start: Int64, to end: Int64) throws -> String {
        try FileSystem.makeDirectories(folder)
        let path = "\(folder)/\(start)-\(clock.now()).log"
        let file = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_EXCL)
        var next = start
        while next < end, let range = store.bytes(from: next, maxBytes: Int(min(Int64(Self.chunkBytes), end - next))) {
            try file.write(range.bytes)
            next += Int64(range.bytes.count)
        }
        try file.sync()
        try file.close()
        try FileSystem.syncDirectory(folder)
        return path
    }
}
