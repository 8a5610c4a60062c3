internal import CRMQSystem
internal import Glibc

/// Files that are read and replaced as a whole: configuration and tables of some kilobytes.
///
///     x.json.tmp  written and synced, then renamed to
///     x.json      whose previous content went to
///     x.json.bak
///     x.json.damaged   what could not be read at a start, for a person to look at
///
/// At every moment `x.json` is the old content or the new one, never a part. It keeps its owner and its permissions, and where
/// it is a symbolic link, the file behind it is replaced and has the others beside it.
public enum SmallFile {
    /// What a small file may hold; a larger one is not one of ours.
    public static let byteLimit = 256 * 1024 * 1024

    /// The content; nil when there is no such file.
    public static func read(_ path: String) throws(SystemFailure) -> [UInt8]? {
        do throws(SystemFailure) {
            return try readExisting(path)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    private static func readExisting(_ path: String) throws(SystemFailure) -> [UInt8] {
        let file = try Descriptor(opening: path, flags: O_RDONLY)
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = chunk.withUnsafeMutableBytes { crmq_read(file.raw, $0.baseAddress, $0.count) }
            if count == -Int(EINTR) { continue }
            guard count >= 0 else { throw SystemFailure(call: "read", code: Int32(-count), subject: path) }
            if count == 0 { return content }
            guard content.count + count <= byteLimit else { throw SystemFailure(call: "read", code: EFBIG, subject: path) }
            content.append(contentsOf: chunk[..<count])
        }
    }

    /// Replaces the content and keeps the previous one in `<path>.bak`. Durable when it returns.
    /// One caller at a time for one path.
    public static func replace(_ path: String, with bytes: [UInt8]) throws(SystemFailure) {
        let path = FileSystem.resolvingLinks(path)
        try checkReplaceable(path)
        try FileSystem.makeDirectories(FileSystem.parent(path))
        // An empty one is what a power failure left of it: the backup is worth more.
        if let previous = try read(path), !previous.isEmpty { try write(previous, to: path + ".bak", like: path, synced: false) }
        try write(bytes, to: path, like: path, synced: true)
        try FileSystem.syncDirectory(FileSystem.parent(path))
    }

    /// Whether there is a file that may be replaced, or none.
    /// - Throws: for what is no regular file: to read a pipe that has no writer would wait for one.
    public static func checkReplaceable(_ path: String) throws(SystemFailure) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG { throw SystemFailure(call: "replace", code: EINVAL, subject: path) }
    }

    /// The same with a text, written as UTF-8.
    public static func replace(_ path: String, with text: String) throws(SystemFailure) { try replace(path, with: [UInt8](text.utf8)) }

    /// - Parameter model: whose owner and permissions the file gets, as far as this process may give them.
    private static func write(_ bytes: [UInt8], to path: String, like model: String, synced: Bool) throws(SystemFailure) {
        let temporary = path + ".tmp"
        do throws(SystemFailure) {
            let file = try Descriptor(opening: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC)
            var status = stat()
            if stat(model, &status) == 0 {
                _ = fchown(file.raw, status.st_uid, status.st_gid)
                _ = fchmod(file.raw, status.st_mode & 0o7777)
            }
            try file.write(bytes)
            if synced { try file.sync() }
            try file.close()
            try FileSystem.rename(temporary, to: path)
        } catch {
            // On a full disk the part that was written would keep others from writing.
            if error.isNoSpace { unlink(temporary) }
            throw error.subject.isEmpty ? SystemFailure(call: error.call, code: error.code, subject: temporary) : error
        }
    }

    /// Reads the file, or its backup when it is absent, empty, says nothing or cannot be parsed; nil when neither says anything.
    ///
    /// A file that cannot be parsed while its backup can is kept as `<path>.damaged`, and the backup takes its place: the
    /// next `replace` would otherwise copy the damage over the only good content.
    ///
    /// - Parameters:
    ///   - logger: hears when the backup was needed: it lacks the last change.
    ///   - parse: gives nil for a content that says nothing.
    /// - Throws: what `parse` threw for the backup, or for the file when there is no backup; or what the kernel reported.
    public static func loadWithBackup<Value>(
        _ path: String, logger: Logger = .silent, parse: ([UInt8]) throws -> Value?
    ) throws -> Value? {
        let path = FileSystem.resolvingLinks(path)
        var damage: (any Error)?
        if let content = try read(path), !content.isEmpty {
            do {
                if let value = try parse(content) { return value }
            } catch { damage = error }
        }
        guard let backup = try read(path + ".bak"), !backup.isEmpty, let value = try parse(backup) else {
            if let damage { throw damage }
            return nil
        }
        logger.warning("loaded \(path).bak, which lacks the last change: \(path) is \(damage.map { "damaged (\($0))" } ?? "absent or empty")")
        if damage != nil {
            try FileSystem.rename(path, to: path + ".damaged")
            try write(backup, to: path, like: path + ".damaged", synced: true)
            try FileSystem.syncDirectory(FileSystem.parent(path))
            logger.warning("the damaged file is kept as \(path).damaged")
        }
        return value
    }
}
