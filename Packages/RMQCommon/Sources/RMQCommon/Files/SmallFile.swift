internal import CRMQSystem
internal import Glibc

/// Files that are read and replaced as a whole: configuration and tables of some kilobytes.
///
///     x.json.tmp  written and synced, then renamed to
///     x.json      whose previous content went to
///     x.json.bak
///
/// At every moment `x.json` is the old content or the new one, never a part.
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
        try FileSystem.makeDirectories(FileSystem.parent(path))
        if let previous = try read(path) { try write(previous, to: path + ".bak", synced: false) }
        try write(bytes, to: path, synced: true)
        try FileSystem.syncDirectory(FileSystem.parent(path))
    }

    public static func replace(_ path: String, with text: String) throws(SystemFailure) { try replace(path, with: [UInt8](text.utf8)) }

    private static func write(_ bytes: [UInt8], to path: String, synced: Bool) throws(SystemFailure) {
        let temporary = path + ".tmp"
        let file = try Descriptor(opening: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(bytes)
        if synced { try file.sync() }
        try file.close()
        try FileSystem.rename(temporary, to: path)
    }

    /// Reads the file, or its backup when it is absent, empty or cannot be parsed; nil when neither is there.
    ///
    /// - Throws: what `parse` threw for the backup, or for the file when there is no backup; or what the kernel reported.
    public static func loadWithBackup<Value>(_ path: String, parse: ([UInt8]) throws -> Value) throws -> Value? {
        var failure: (any Error)?
        do {
            if let content = try read(path), !content.isEmpty { return try parse(content) }
        } catch {
            failure = error
        }
        if let backup = try read(path + ".bak"), !backup.isEmpty { return try parse(backup) }
        if let failure { throw failure }
        return nil
    }
}
