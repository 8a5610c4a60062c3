internal import Glibc
internal import Synchronization

/// Appends lines to a file and starts a new one when it is full.
///
///     broker.log  ->  otherdays/broker.1.log  ->  otherdays/broker.2.log  ->  …  ->  removed
///
/// A log must not stop what it reports on: when the disk refuses a line, the line is lost and counted.
public final class RollingFileSink: LogSink {
    private struct File: ~Copyable {
        var descriptor: Descriptor
        var byteCount: Int64
    }

    public let path: String
    private let byteLimit: Int64
    private let keptFiles: Int
    private let file: Mutex<File>
    private let lost = Counter()

    /// - Parameters:
    ///   - byteLimit: the size at which the next line goes to a new file.
    ///   - keptFiles: full files to keep.
    /// - Throws: when the folder cannot be made or the file cannot be opened.
    public init(path: String, byteLimit: Int64 = 128 * 1024 * 1024, keptFiles: Int = 10) throws(SystemFailure) {
        self.path = path
        self.byteLimit = byteLimit
        self.keptFiles = keptFiles
        try FileSystem.makeDirectories(FileSystem.parent(path))
        file = Mutex(try Self.open(path))
    }

    /// Lines that could not be written.
    public var lostLines: Int64 { lost.value }

    public func write(_ record: LogRecord) {
        let bytes = [UInt8]((record.line + "\n").utf8)
        let written = file.withLock { file in
            do {
                if file.byteCount > 0, file.byteCount + Int64(bytes.count) > byteLimit { try roll(&file) }
                try file.descriptor.write(bytes)
                file.byteCount += Int64(bytes.count)
                return true
            } catch {
                return false
            }
        }
        if !written { lost.add() }
    }

    private func roll(_ file: inout File) throws(SystemFailure) {
        let folder = FileSystem.parent(path) + "/otherdays"
        try FileSystem.makeDirectories(folder)
        try FileSystem.remove(rolledPath(folder, keptFiles))
        for number in stride(from: keptFiles - 1, through: 1, by: -1) where FileSystem.exists(rolledPath(folder, number)) {
            try FileSystem.rename(rolledPath(folder, number), to: rolledPath(folder, number + 1))
        }
        if keptFiles > 0 { try FileSystem.rename(path, to: rolledPath(folder, 1)) } else { try FileSystem.remove(path) }
        file = try Self.open(path)
    }

    private func rolledPath(_ folder: String, _ number: Int) -> String {
        let name = path.dropFirst(path.lastIndex(of: "/").map { path.distance(from: path.startIndex, to: $0) + 1 } ?? 0)
        let stem = name.hasSuffix(".log") ? name.dropLast(4) : name
        return "\(folder)/\(stem).\(number).log"
    }

    private static func open(_ path: String) throws(SystemFailure) -> File {
        let descriptor = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_APPEND)
        let size = try descriptor.size()
        return File(descriptor: descriptor, byteCount: size)
    }
}
